package onbehalf;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.Bundle;

/**
 * HL7's validator over what a server publishes of itself (CapabilityStatement, profiles, terminology, SearchParameters,
 * OperationDefinitions, the form), in JSON and XML, and over the examples. UK Core's profiles are loaded beside ours: the
 * examples, and some resources of each type that UK Core has a profile of, are validated against both.
 */
final class ValidateDefinitions {
  private static final String UK = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-";
  private static final List<String> UK_CORE =
      List.of("Consent", "RelatedPerson", "QuestionnaireResponse", "AuditEvent", "Provenance", "Patient", "Questionnaire", "Subscription");

  private ValidateDefinitions() {}

  static boolean run(Hl7Validator validator, List<IBaseResource> published, Path examples) throws Exception {
    Harness tests = new Harness();
    for (String path : List.of("metadata", "metadata?_format=xml")) {
      tests.test("hl7 " + path, () -> valid(validator, fetch(path)));
    }
    for (IBaseResource one : published) {
      String path = one.getIdElement().toUnqualifiedVersionless().getValue();
      tests.test("hl7 " + path, () -> {
        valid(validator, fetch(path));
        valid(validator, fetch(path + "?_format=xml"));
      });
    }
    tests.test("hl7 Basic", () -> valid(validator, fetch("Basic?_count=100")));
    try (Stream<Path> files = Files.list(examples)) {
      for (Path file : files.filter(file -> file.toString().endsWith(".json")).sorted().toList()) {
        String text = Files.readString(file);
        String type = typeOf(text);
        if (type.isEmpty()) continue;
        tests.test("hl7 " + file.getFileName(), () -> valid(validator, text));
        if (UK_CORE.contains(type)) tests.test("hl7 " + file.getFileName() + " as UKCore-" + type, () -> valid(validator, text, UK + type));
      }
    }
    for (String type : UK_CORE) {
      tests.test("hl7 " + type + " as UKCore-" + type, () -> {
        Bundle found = Hl7Validator.FHIR.newJsonParser().parseResource(Bundle.class, fetch(type + "?_count=10"));
        for (Bundle.BundleEntryComponent entry : found.getEntry()) {
          valid(validator, Hl7Validator.FHIR.newJsonParser().encodeResourceToString(entry.getResource()), UK + type);
        }
      });
    }
    tests.test("hl7 was heard: what is wrong is an error", () -> {
      Harness.check(!validator.errors("{\"resourceType\":\"Consent\",\"status\":\"on\"}").isEmpty(), "no errors");
    });
    boolean good = tests.run();
    validator.printClasses();
    return good;
  }

  private static String typeOf(String json) {
    Matcher type = Pattern.compile("\"resourceType\": *\"([A-Za-z]+)\"").matcher(json);
    return type.find() ? type.group(1) : "";
  }

  private static void valid(Hl7Validator validator, String text, String... profiles) {
    List<Hl7Validator.Message> errors = validator.errors(text, profiles);
    Harness.check(errors.isEmpty(), errors);
  }

  static String fetch(String path) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create(Harness.BASE + "/" + path)).header("Accept", "*/*").build();
    HttpResponse<String> answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    Harness.equal(answer.statusCode(), 200);
    return answer.body();
  }
}
