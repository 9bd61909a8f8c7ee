package onbehalf;

import java.util.List;
import java.util.function.Predicate;

/** The differences between the two validators that stay, each with its reason: the table in docs/conformance.md. */
final class Differences {
  private record Known(String reason, Predicate<Hl7Validator.Message> theirs, Predicate<String> ours) {}

  /** What HL7's validator alone refuses. */
  private static Known theirs(String reason, String ids, String text) {
    return new Known(reason, message -> message.id().matches(ids) && message.text().matches("(?s)" + text), null);
  }

  /** What ours alone refuses. */
  private static Known ours(String reason, String text) {
    return new Known(reason, null, said -> said.matches("(?s)" + text));
  }

  private static final List<Known> ALL = List.of(
      theirs("HL7's: a code that its system does not have, outside a required binding: ours carries the codes of R4's value sets, "
          + "not of whole code systems, and gives a warning", "Terminology_PassThrough_TX_Message", ".*(Unknown code|not found in|Unable to find code).*"),
      theirs("HL7's: a language is one of BCP 47, whose registry ours does not carry", "Terminology_PassThrough_TX_Message|Terminology_TX_NoValid_16",
          ".*ValueSet/(all-)?languages.*"),
      theirs("HL7's: a code of an extension of R4's (data-absent-reason): ours has the definitions of its own extensions",
          "Terminology_TX_NoValid_16|Terminology_PassThrough_TX_Message", ".*data-absent-reason.*"),
      theirs("HL7's: an extension of R4's stands where it may not, or without its value: ours has the definitions of its own extensions", "Extension_EXT_.*|Validation_VAL_Profile_Minimum|Validation_VAL_Profile_NotSlice|Extension_PROF_Type",
          ".*(extension|Extension).*"),
      theirs("ours: R4 does not ask that the text of an item is that of the form", "Questionnaire_QR_Item_Text", ".*"),
      theirs("HL7's: the form has no such question; by the contract it is kept, with a warning", "Questionnaire_QR_Item_NotFound|Questionnaire_QR_Item_(Order|Misplaced).*", ".*"),
      theirs("HL7's: a canonical is absolute; the contract's own example is not, and is taken", "TYPE_SPECIFIC_CHECKS_CANONICAL_ABSOLUTE", ".*"),
      theirs("ours: R4 does not ask that a link within a narrative resolves", "Type_Specific_Checks_DT_XHTML_Resolve", ".*"),
      theirs("HL7's, which has the corrected expression of que-12 (more than one); R4 published it with more than two: ours gives a warning", "que-12", ".*"),
      theirs("HL7's: rules of definitions that are prose in R4 (supplements, keys of constraints, questions that enableWhen names, elements against their base): "
          + "definitions are not written here", "CODESYSTEM_.*|ED_.*|SD_.*|eld-3|ERROR_GENERATING_SNAPSHOT|Questionnaire_Q_EnableWhen_.*|VALUESET_.*|QUESTIONNAIRE_Q_.*", ".*"),
      theirs("ours: R4 does not ask that a profile that is named can be found", "OPDEF_PROFILE_NOT_FOUND", ".*"),
      theirs("HL7's ends with an exception instead of a verdict", "exception", ".*"),
      ours("ours: a code has no spaces but single ones inside (datatypes.html#code)", "value .*Give a code: no space.*"),
      ours("ours: a reference points to a type that the element allows", "value .*Point to one of these resource types.*"),
      ours("ours: ele-1, also where an element is nothing but an id", "invariant .*ele-1.*"),
      ours("ours: a relative reference names a type of R4 (the regular expression in references.html)", "value .*Begin a relative reference.*"),
      ours("ours: a string has no control characters (datatypes.html#string)", "structure .*control character.*"),
      ours("ours: an array is not empty (json.html)", "structure .*empty array or object.*"),
      ours("ours: a null stands in an array only beside its extensions (json.html)", "structure .*null.*"),
      ours("ours: an id of an element has no spaces (element.html)", "value .*the id of an element without spaces.*"),
      ours("ours: a string is not empty (datatypes.html#string)", "value .*instead of giving an empty text.*"),
      theirs("HL7's cannot tell: UK Core's slices of extensions, whose definitions are not there", "SLICING_CANNOT_BE_EVALUATED", ".*"),
      theirs("HL7's asks for an absolute system of the options of a form; R4 does not say so of Coding.system", "Terminology_TX_System_Relative", ".*"),
      ours("ours: a text that is nothing but a space is no URI, instant or type (datatypes.html)",
          "value .*(Give a URI without spaces|Give YYYY-MM-DD|Name a resource type of R4).*"),
      ours("ours: extensions within an answer keep to R4 as others do (ext-1, absolute URLs): HL7's passes them over when it knows the form",
          "(value|invariant) QuestionnaireResponse.*(ext-1|Give the absolute URL of the extension).*"),
      ours("ours: eld-11, as R4 has it", "invariant .*eld-11.*"),
      ours("ours: a media type is one of BCP 13", "code-invalid .*mimetypes.*"),
      ours("ours: an unknown modifier extension is refused (extensibility.html): we do not act on what we do not understand", "extension .*modifier extension.*"),
      ours("ours: this profile's own form and invariants", "invariant .*person-1.*"));

  private Differences() {}

  /** Why the two judge a change differently; null if nothing here says so. */
  static String explain(String what, List<Hl7Validator.Message> theirs, List<String> ours) {
    for (Known known : ALL) {
      boolean all = theirs.isEmpty()
          ? known.ours() != null && ours.stream().allMatch(known.ours())
          : known.theirs() != null && theirs.stream().allMatch(known.theirs());
      if (all) return known.reason();
    }
    // Several reasons at once.
    boolean each = theirs.isEmpty()
        ? ours.stream().allMatch(said -> ALL.stream().anyMatch(known -> known.ours() != null && known.ours().test(said)))
        : theirs.stream().allMatch(said -> ALL.stream().anyMatch(known -> known.theirs() != null && known.theirs().test(said)));
    return each ? "several of these at once" : null;
  }
}
