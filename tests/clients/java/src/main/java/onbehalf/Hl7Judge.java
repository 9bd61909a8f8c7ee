package onbehalf;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.hl7.fhir.instance.model.api.IBaseResource;

/**
 * HL7's validator over a running server. The arguments: the folder of the examples, that of UK Core, how many generated changes
 * of each type both validators judge, a folder for those that they judge differently, and perhaps the folder of recorded
 * answers with `all` or how many of each kind.
 */
public final class Hl7Judge {
  public static void main(String[] arguments) throws Exception {
    Path examples = Path.of(arguments[0]);
    List<IBaseResource> published = Hl7Validator.published();
    List<IBaseResource> definitions = new ArrayList<>(Hl7Validator.inFolder(Path.of(arguments[1])));
    definitions.addAll(published);
    Hl7Validator validator = new Hl7Validator(definitions);
    boolean good = ValidateDefinitions.run(validator, published, examples);
    if (arguments.length > 4) good &= ValidateAnswers.run(new Hl7Validator(validator), Path.of(arguments[4]), arguments[5]);
    good &= CompareValidators.run(validator, examples, Integer.parseInt(arguments[2]), Path.of(arguments[3]));
    System.exit(good ? 0 : 1);
  }
}
