package onbehalf;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.api.ServerValidationModeEnum;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import ca.uhn.fhir.validation.ValidationOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.common.hapi.validation.validator.WorkerContextValidationSupportAdapter;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.Questionnaire;
import org.hl7.fhir.r5.context.ILoggingService;

/**
 * HL7's validator with R4's definitions and the terminology that HAPI's artefacts carry, and the definitions that a
 * running server publishes. It asks nothing of the network but that server.
 */
final class Hl7Validator {
  static final FhirContext FHIR = FhirContext.forR4();
  static final List<String> DEFINITIONS = List.of("StructureDefinition", "CodeSystem", "ValueSet", "SearchParameter", "OperationDefinition", "Questionnaire");

  static final DefaultProfileValidationSupport DEFAULTS = new DefaultProfileValidationSupport(FHIR);

  /** What the validator says of a place. */
  record Message(ResultSeverityEnum severity, String id, String place, String text) {
    boolean isError() {
      return severity == ResultSeverityEnum.ERROR || severity == ResultSeverityEnum.FATAL;
    }

    @Override
    public String toString() {
      return severity.getCode() + " " + id + " " + place + ": " + Harness.oneLine(text, 400);
    }
  }

  private final FhirInstanceValidator module;
  private final FhirValidator validator;
  /** How often each class of warnings and of hints was given, and an example. */
  private final Map<String, Integer> counts = new TreeMap<>();
  private final Map<String, String> samples = new TreeMap<>();

  Hl7Validator(Iterable<? extends IBaseResource> definitions) {
    Definitions ours = new Definitions();
    StandIns.all().forEach(ours::addResource);
    definitions.forEach(ours::addResource);
    ValidationSupportChain chain = new ValidationSupportChain(
        ours,
        DEFAULTS,
        new CommonCodeSystemsTerminologyService(FHIR),
        new InMemoryTerminologyServerValidationSupport(FHIR),
        new SnapshotGeneratingValidationSupport(FHIR));
    module = new FhirInstanceValidator(chain);
    module.setErrorForUnknownProfiles(true);
    module.setAnyExtensionsAllowed(false);
    module.setWrappedWorkerContext(chain, new LoggingContext(chain));
    validator = FHIR.newValidator().registerValidatorModule(module);
  }

  /** From now on an extension whose definition is not known is allowed, as R4 has it. */
  Hl7Validator withAnyExtension() {
    module.setAnyExtensionsAllowed(true);
    return this;
  }

  /** HAPI's support of definitions at hand, which keeps no Questionnaire, with Questionnaires. */
  private static final class Definitions extends PrePopulatedValidationSupport {
    private final Map<String, Questionnaire> forms = new TreeMap<>();

    Definitions() {
      super(FHIR);
    }

    @Override
    public void addResource(IBaseResource resource) {
      if (resource instanceof Questionnaire form) forms.put(form.getUrl(), form);
      else super.addResource(resource);
    }

    @Override
    public <T extends IBaseResource> T fetchResource(Class<T> kind, String uri) {
      if (uri != null && kind != null && kind.isAssignableFrom(Questionnaire.class)) {
        Questionnaire form = forms.get(uri.replaceFirst("[|].*$", ""));
        if (form != null) return kind.cast(form);
      }
      return super.fetchResource(kind, uri);
    }
  }

  /** HAPI's context has no log, and the check of a SearchParameter's expression fails without one. */
  private static final class LoggingContext extends WorkerContextValidationSupportAdapter {
    LoggingContext(IValidationSupport support) {
      super(support);
    }

    @Override
    public ILoggingService getLogger() {
      return new ILoggingService() {
        @Override
        public void logMessage(String message) {}

        @Override
        public void logDebugMessage(LogCategory category, String message) {}
      };
    }
  }

  /** The same validator, with its counters at zero. */
  Hl7Validator(Hl7Validator other) {
    module = other.module;
    validator = other.validator;
  }

  /** The definitions that the server publishes. */
  static List<IBaseResource> published() {
    FHIR.getRestfulClientFactory().setServerValidationMode(ServerValidationModeEnum.NEVER);
    FHIR.getRestfulClientFactory().setSocketTimeout(60_000);
    IGenericClient client = FHIR.newRestfulGenericClient(Harness.BASE);
    List<IBaseResource> all = new ArrayList<>();
    for (String type : DEFINITIONS) {
      Bundle found = client.search().forResource(type).count(500).returnBundle(Bundle.class).execute();
      found.getEntry().forEach(entry -> all.add(entry.getResource()));
    }
    return all;
  }

  /** Every definition in the files of a folder: UK Core's. */
  static List<IBaseResource> inFolder(Path folder) throws IOException {
    List<IBaseResource> all = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(file -> file.toString().endsWith(".xml")).sorted().toList()) {
        all.add(FHIR.newXmlParser().parseResource(Files.readString(file)));
      }
    }
    return all;
  }

  /** All that the validator says of a resource as JSON or XML, also by these profiles. */
  List<Message> messages(String text, String... profiles) {
    ValidationOptions options = new ValidationOptions();
    for (String profile : profiles) options.addProfile(profile);
    List<Message> all = new ArrayList<>();
    for (SingleValidationMessage said : validator.validateWithResult(text, options).getMessages()) {
      String id = said.getMessageId() == null ? "" : said.getMessageId().replaceFirst("^.*#", "");
      all.add(new Message(said.getSeverity(), id, said.getLocationString(), said.getMessage()));
    }
    return all;
  }

  /** The errors; warnings, hints and what HAPI cannot check are counted by their class. */
  List<Message> errors(String text, String... profiles) {
    List<Message> errors = new ArrayList<>();
    for (Message message : messages(text, profiles)) {
      if (message.isError() && !cannotBeChecked(message) && !isKnown(message)) errors.add(message);
      else count(message);
    }
    return errors;
  }

  /**
   * Errors that stay: an access request is kept as it was sent, and the contract's own example names its form by a relative
   * canonical, and answers to questions that the form does not have are kept too; a language is one of BCP 47, whose registry is not
   * here (Welsh is none of those that R4 lists); the summary of a code system has its count, but not the concepts (R4 has them out of
   * the summary).
   */
  private static boolean isKnown(Message message) {
    return message.id().equals("TYPE_SPECIFIC_CHECKS_CANONICAL_ABSOLUTE") && message.place().endsWith(".questionnaire")
        || message.id().equals("Questionnaire_QR_Item_NotFound")
        || message.id().startsWith("Terminology_") && message.place().endsWith(".language") && message.text().contains("ValueSet/languages")
        || message.id().equals("CODESYSTEM_CS_COUNT_COMPLETE_WRONG") && message.text().contains("concepts (0)");
  }

  /** To check the differential of an extension, the validator asks a package server for R4: HAPI has R4 in an artefact. */
  static boolean cannotBeChecked(Message message) {
    return message.id().equals("ERROR_GENERATING_SNAPSHOT") && message.text().contains("hl7.fhir.r4.core#null");
  }

  private synchronized void count(Message message) {
    String kind = message.severity().getCode() + " " + message.id();
    counts.merge(kind, 1, Integer::sum);
    samples.putIfAbsent(kind, message.place() + ": " + Harness.oneLine(message.text(), 300));
  }

  /** Prints how often each class of warnings was given. */
  void printClasses() {
    counts.forEach((kind, count) -> System.out.println("# " + count + " × " + kind + ", as " + samples.get(kind)));
  }
}
