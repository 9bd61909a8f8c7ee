package onbehalf;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.hl7.fhir.r4.model.CodeableConcept;
import org.hl7.fhir.r4.model.Identifier;
import org.hl7.fhir.r4.model.Reference;
import org.hl7.fhir.r4.model.RelatedPerson;

/** Runs tests one by one and prints a line for each; what is common to the programs. */
final class Harness {
  static final String BASE = System.getenv("ONBEHALF_BASE");
  static final String ROLE = "6b71ac92-baa3-4b76-b0f5-a601257e2722";
  static final String NHS = "https://fhir.nhs.uk/Id/nhs-number";

  interface Test {
    void run() throws Exception;
  }

  private final Map<String, Test> tests = new LinkedHashMap<>();

  void test(String name, Test body) {
    tests.put(name, body);
  }

  /** Runs every test, and says whether none failed. */
  boolean run() {
    int failed = 0;
    for (Map.Entry<String, Test> test : tests.entrySet()) {
      try {
        test.getValue().run();
        System.out.println("ok " + test.getKey());
      } catch (Exception | AssertionError error) {
        failed += 1;
        System.out.println("not ok " + test.getKey() + ": " + oneLine(String.valueOf(error), 600));
        error.printStackTrace();
      }
    }
    return failed == 0;
  }

  static String oneLine(String text, int length) {
    String line = text.replaceAll("\\s+", " ");
    return line.length() > length ? line.substring(0, length) + "…" : line;
  }

  static void check(boolean truth, Object shown) {
    if (!truth) throw new AssertionError("Check failed: " + shown);
  }

  static void equal(Object actual, Object expected) {
    check(expected.equals(actual), "got " + actual + ", expected " + expected);
  }

  /** The exception of this kind that a call must throw. */
  static <E extends Throwable> E refused(Class<E> kind, Callable<?> call) {
    Object answer;
    try {
      answer = call.call();
    } catch (Exception error) {
      if (kind.isInstance(error)) return kind.cast(error);
      throw new AssertionError("Another exception: " + error, error);
    }
    throw new AssertionError("The request was accepted: " + answer);
  }

  static Reference patient(String number) {
    return new Reference().setType("Patient").setIdentifier(new Identifier().setSystem(NHS).setValue(number));
  }

  static RelatedPerson relationship(String proxy, String patient) {
    CodeableConcept mother = new CodeableConcept();
    mother.addCoding().setSystem("http://terminology.hl7.org/CodeSystem/v3-RoleCode").setCode("MTH").setDisplay("mother");
    RelatedPerson person = new RelatedPerson().setActive(true).setPatient(patient(patient)).addRelationship(mother);
    person.addIdentifier().setSystem(NHS).setValue(proxy);
    return person;
  }
}
