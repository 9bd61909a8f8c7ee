package onbehalf;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.hl7.fhir.r4.model.StructureDefinition;

/**
 * The server's `$validate` against HL7's validator: generated changes of sound resources of each type that the server has.
 * What the two judge differently is written to a folder. A difference that no entry of {@link Differences} explains fails.
 */
final class CompareValidators {
  private static final String OURS = "https://fhir.onbehalf.org.uk/R4/StructureDefinition/";
  private static final Map<String, String> PROFILES =
      Map.of("Consent", OURS + "ProxyRole", "RelatedPerson", OURS + "ProxyRelationship", "QuestionnaireResponse", OURS + "AccessRequest");
  private static final List<String> TYPES = List.of("Consent", "RelatedPerson", "QuestionnaireResponse", "Patient", "Person", "Questionnaire", "StructureDefinition",
      "CodeSystem", "ValueSet", "SearchParameter", "OperationDefinition", "AuditEvent", "Provenance", "Subscription", "Basic");
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private final Hl7Validator validator;
  private final Path examples;
  private final Path output;
  private final Map<String, Integer> verdicts = new TreeMap<>();
  private final Map<String, Integer> explained = new TreeMap<>();
  private final Map<String, List<String>> open = new TreeMap<>();
  private final List<String> failures = java.util.Collections.synchronizedList(new ArrayList<>());

  private CompareValidators(Hl7Validator validator, Path examples, Path output) {
    this.validator = validator;
    this.examples = examples;
    this.output = output;
  }

  static boolean run(Hl7Validator validator, Path examples, int changes, Path output) throws Exception {
    CompareValidators comparison = new CompareValidators(validator.withAnyExtension(), examples, output);
    Files.createDirectories(output);
    Map<String, List<JsonNode>> sound = new TreeMap<>();
    for (String type : TYPES) sound.put(type, comparison.sound(type));
    ExecutorService workers = Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
    for (String type : TYPES) {
      StructureDefinition definition = (StructureDefinition) Hl7Validator.DEFAULTS.fetchStructureDefinition("http://hl7.org/fhir/StructureDefinition/" + type);
      Mutator mutator = new Mutator(type.hashCode(), definition);
      for (int index = 0; index < changes; index++) {
        ObjectNode changed = mutator.mutate(sound.get(type).get(index % sound.get(type).size()));
        String what = type + "\t" + mutator.name() + "\t" + mutator.place();
        int number = index;
        workers.submit(() -> comparison.compare(type, number, changed, what));
      }
    }
    workers.shutdown();
    boolean ended = workers.awaitTermination(60, TimeUnit.MINUTES);
    return comparison.tell() && ended;
  }

  private List<JsonNode> sound(String type) throws Exception {
    List<JsonNode> all = new ArrayList<>();
    JsonNode found = Mutator.JSON.readTree(ValidateDefinitions.fetch(type + "?_count=6&_sort=_id"));
    found.path("entry").forEach(entry -> all.add(entry.get("resource")));
    if (type.equals("Subscription")) {
      for (String style : List.of("classic", "backport", "national")) {
        all.add(Mutator.JSON.readTree(Files.readString(examples.resolve("subscription-" + style + ".json"))));
      }
    }
    if (type.equals("QuestionnaireResponse")) {
      all.clear();
      all.add(Mutator.JSON.readTree(Files.readString(examples.resolve("access-request.json"))));
    }
    if (type.equals("Person")) {
      all.add(Mutator.JSON.readTree("{\"resourceType\":\"Person\",\"active\":true,\"gender\":\"female\",\"birthDate\":\"1990-01-01\","
          + "\"name\":[{\"family\":\"A\",\"given\":[\"B\"]}],\"link\":[{\"target\":{\"reference\":\"Patient/9000000009\"},\"assurance\":\"level3\"}]}"));
    }
    for (JsonNode one : all) {
      String said = validator.errors(one.toString(), profiles(type)) + " " + ours(type, one.toString());
      Harness.check(said.equals("[] []"), "a " + type + " that should be sound: " + said);
    }
    Harness.check(!all.isEmpty(), "no " + type);
    return all;
  }

  private static String[] profiles(String type) {
    return PROFILES.containsKey(type) ? new String[] {PROFILES.get(type)} : new String[0];
  }

  /** The errors of `$validate`, each as `code place: text`. */
  private static List<String> ours(String type, String body) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create(Harness.BASE + "/" + type + "/$validate"))
        .header("Content-Type", "application/fhir+json").POST(HttpRequest.BodyPublishers.ofString(body)).build();
    HttpResponse<String> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
    Harness.check(answer.statusCode() == 200 || answer.statusCode() == 400, answer.statusCode());
    List<String> errors = new ArrayList<>();
    for (JsonNode issue : Mutator.JSON.readTree(answer.body()).path("issue")) {
      if (!issue.path("severity").asText().equals("error")) continue;
      errors.add(issue.path("code").asText() + " " + issue.path("expression").path(0).asText() + ": " + issue.path("diagnostics").asText());
    }
    return errors;
  }

  private void compare(String type, int number, ObjectNode changed, String what) {
    try {
      String body = changed.toString();
      List<Hl7Validator.Message> theirs = messages(body, type);
      List<String> ours = ours(type, body);
      record(type, number, body, what, theirs, ours);
    } catch (Exception | AssertionError error) {
      failures.add(type + "-" + number + " " + what.replace('\t', ' ') + ": " + error);
    }
  }

  /** What HL7's validator refuses. It also refuses what it cannot go through. */
  private List<Hl7Validator.Message> messages(String body, String type) {
    try {
      return validator.messages(body, profiles(type)).stream().filter(message -> message.isError() && !Hl7Validator.cannotBeChecked(message)).toList();
    } catch (RuntimeException | StackOverflowError error) {
      return List.of(new Hl7Validator.Message(ca.uhn.fhir.validation.ResultSeverityEnum.FATAL, "exception", "", error.toString()));
    }
  }

  private synchronized void record(String type, int number, String body, String what, List<Hl7Validator.Message> theirs, List<String> ours) {
    boolean hl7 = !theirs.isEmpty();
    boolean own = !ours.isEmpty();
    String verdict = hl7 == own ? (hl7 ? "both refuse" : "both accept") : hl7 ? "HL7's alone refuses" : "ours alone refuses";
    verdicts.merge(type + ": " + verdict, 1, Integer::sum);
    if (hl7 == own) return;
    String ids = theirs.stream().map(Hl7Validator.Message::id).collect(Collectors.toCollection(TreeSet::new)).toString();
    String reason = Differences.explain(what, theirs, ours);
    if (reason != null) {
      explained.merge(reason, 1, Integer::sum);
      return;
    }
    String said = hl7 ? "HL7 " + theirs.get(0) : "ours " + ours.get(0);
    String kind = verdict + " | " + what.split("\t")[1].replaceFirst("^add .*$", "add") + " | " + (hl7 ? ids : ours.get(0).replaceAll("\\[\\d+\\]", ""));
    open.computeIfAbsent(kind, key -> new ArrayList<>()).add(type + "-" + number + " " + what.replace('\t', ' ') + " => " + said);
    try {
      Files.writeString(output.resolve(type + "-" + number + ".json"), body);
    } catch (java.io.IOException error) {
      throw new java.io.UncheckedIOException(error);
    }
  }

  private boolean tell() {
    verdicts.forEach((verdict, count) -> System.out.println("# " + verdict + ": " + count));
    explained.forEach((reason, count) -> System.out.println("# explained " + count + " × " + reason));
    open.forEach((kind, cases) -> System.out.println("not ok " + cases.size() + " × " + kind + " | " + Harness.oneLine(cases.get(0), 700)));
    int all = verdicts.values().stream().mapToInt(Integer::intValue).sum();
    int differences = open.values().stream().mapToInt(List::size).sum();
    System.out.println((open.isEmpty() ? "ok " : "not ok ") + differences + " unexplained differences in " + all + " changes of " + TYPES.size() + " types");
    failures.forEach(failure -> System.out.println("not ok " + Harness.oneLine(failure, 500)));
    return open.isEmpty() && failures.isEmpty();
  }
}
