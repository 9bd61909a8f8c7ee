package onbehalf;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.hl7.fhir.r4.model.ElementDefinition;
import org.hl7.fhir.r4.model.StructureDefinition;

/** Changes a sound resource in one place, by a random but repeatable choice: to something wrong, or to something else that is sound. */
final class Mutator {
  static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> WORDS = List.of("", " ", "a b", " a", "a ", "nothing-known", "active", "2026-13-01", "2026-02-30", "2026-1-1",
      "2026-01-01T25:00:00Z", "2026-01-01T10:00", "2026-01-01T10:00:00", "2026-01-01T10:00:00Z", "2026", "http://example.org/a b", "urn:uuid:1", "urn:uuid:0e5fb8e1-5f8c-4d0e-9d40-0a6d5e6a9b11",
      "urn:oid:1.2.x", "Nothing/1", "Patient/9000000009", "Patient/a b", "#none", "Questionnaire/1", "http://example.org/x|1", "true", "12", "<b>x</b>", "a\u0001b", "é", "x".repeat(70));

  private final Random random;
  private final StructureDefinition definition;
  private String name;
  private String place;

  Mutator(long seed, StructureDefinition definition) {
    this.random = new Random(seed);
    this.definition = definition;
  }

  /** What the last change was. */
  String name() {
    return name;
  }

  /** Where the last change was. */
  String place() {
    return place;
  }

  ObjectNode mutate(JsonNode original) {
    while (true) {
      ObjectNode resource = original.deepCopy();
      if (change(resource) && !resource.equals(original)) return resource;
    }
  }

  private boolean change(ObjectNode resource) {
    return switch (random.nextInt(16)) {
      case 0 -> inObject(resource, "remove", this::remove);
      case 1 -> inObject(resource, "unknown member", object -> object.put(List.of("colour", "x", "_status", "Id", "resourceType").get(random.nextInt(5)), "x") != null);
      case 2 -> inValue(resource, "another JSON type", this::otherType);
      case 3, 4, 5 -> inText(resource, "another text");
      case 6 -> inArray(resource, "an item again", array -> array.add(array.get(random.nextInt(array.size())).deepCopy()) != null);
      case 7 -> inArray(resource, "an empty or null item", array -> random.nextBoolean() ? array.removeAll() != null : array.addNull() != null);
      case 8 -> inObject(resource, "element id", this::elementId);
      case 9 -> inObject(resource, "beside a primitive", this::besidePrimitive);
      case 10 -> inObject(resource, "extension", this::extension);
      case 11 -> inObject(resource, "reference", this::reference);
      case 12 -> contained(resource);
      case 13 -> narrative(resource);
      default -> addElement(resource);
    };
  }

  private interface Change<T> {
    boolean apply(T target);
  }

  private record Spot<T>(T target, String place) {}

  private boolean inObject(ObjectNode resource, String name, Change<ObjectNode> change) {
    List<Spot<ObjectNode>> spots = new ArrayList<>();
    objects(resource, resource.path("resourceType").asText(), spots);
    Spot<ObjectNode> spot = spots.get(random.nextInt(Math.min(spots.size(), 60)));
    this.name = name;
    this.place = spot.place();
    return change.apply(spot.target());
  }

  private static void objects(JsonNode node, String place, List<Spot<ObjectNode>> spots) {
    if (node instanceof ObjectNode object) {
      spots.add(new Spot<>(object, place));
      object.fields().forEachRemaining(field -> objects(field.getValue(), place + "." + field.getKey(), spots));
    } else if (node instanceof ArrayNode array) {
      for (int index = 0; index < array.size(); index++) objects(array.get(index), place + "[" + index + "]", spots);
    }
  }

  private boolean inArray(ObjectNode resource, String name, Change<ArrayNode> change) {
    return inObject(resource, name, object -> {
      List<String> arrays = new ArrayList<>();
      object.fields().forEachRemaining(field -> {
        if (field.getValue().isArray() && !field.getValue().isEmpty()) arrays.add(field.getKey());
      });
      if (arrays.isEmpty()) return false;
      String key = arrays.get(random.nextInt(arrays.size()));
      place = place + "." + key;
      return change.apply((ArrayNode) object.get(key));
    });
  }

  private boolean inValue(ObjectNode resource, String name, Change<Spot<ObjectNode>> change) {
    return inObject(resource, name, object -> {
      String key = anyKey(object, field -> !field.equals("resourceType"));
      if (key == null) return false;
      place = place + "." + key;
      return change.apply(new Spot<>(object, key));
    });
  }

  private boolean inText(ObjectNode resource, String name) {
    return inObject(resource, name, object -> {
      String key = anyKey(object, field -> object.get(field).isTextual() && !field.equals("resourceType"));
      if (key == null) return false;
      place = place + "." + key;
      String word = WORDS.get(random.nextInt(WORDS.size()));
      this.name = name + " " + (word.length() > 40 ? "(long)" : JSON.valueToTree(word).toString());
      object.put(key, word);
      return true;
    });
  }

  private interface KeyTest {
    boolean test(String key);
  }

  private String anyKey(ObjectNode object, KeyTest test) {
    List<String> keys = new ArrayList<>();
    object.fieldNames().forEachRemaining(key -> {
      if (test.test(key)) keys.add(key);
    });
    return keys.isEmpty() ? null : keys.get(random.nextInt(keys.size()));
  }

  private boolean remove(ObjectNode object) {
    String key = anyKey(object, field -> !field.equals("resourceType"));
    if (key == null) return false;
    place = place + "." + key;
    object.remove(key);
    return true;
  }

  private boolean otherType(Spot<ObjectNode> spot) {
    ObjectNode object = spot.target();
    JsonNode value = object.get(spot.place());
    switch (random.nextInt(6)) {
      case 0 -> object.put(spot.place(), 12);
      case 1 -> object.put(spot.place(), "text");
      case 2 -> object.put(spot.place(), true);
      case 3 -> object.putObject(spot.place()).put("id", "a");
      case 4 -> {
        if (value.isArray()) object.set(spot.place(), value.get(0));
        else object.putArray(spot.place()).add(value);
      }
      default -> object.putNull(spot.place());
    }
    return true;
  }

  private boolean elementId(ObjectNode object) {
    String id = List.of("a", "same", "a b", "", "é", "x".repeat(70)).get(random.nextInt(6));
    name = "element id " + (id.length() > 40 ? "(long)" : "\"" + id + "\"");
    object.put("id", id);
    if (id.equals("same")) {
      String key = anyKey(object, field -> object.get(field).isObject());
      if (key == null) return false;
      ((ObjectNode) object.get(key)).put("id", id);
    }
    return true;
  }

  private boolean besidePrimitive(ObjectNode object) {
    String key = anyKey(object, field -> object.get(field).isTextual() && !field.equals("resourceType") && !field.equals("id") && !field.equals("div") && !field.equals("url"));
    if (key == null) return false;
    place = place + "." + key;
    int form = random.nextInt(5);
    ObjectNode beside = object.putObject("_" + key);
    if (form != 2) beside.put("id", "beside");
    if (form == 1 || form == 2 || form == 4) {
      beside.putArray("extension").addObject().put("url", "http://hl7.org/fhir/StructureDefinition/data-absent-reason").put("valueCode", "unknown");
    }
    if (form >= 3) object.remove(key);
    name = List.of("an id beside a value", "an id and an extension beside a value", "an extension beside a value", "an id in place of a value", "an extension in place of a value").get(form);
    return true;
  }

  private boolean extension(ObjectNode object) {
    boolean modifier = random.nextInt(5) == 0;
    ArrayNode list = object.withArray(modifier ? "modifierExtension" : "extension");
    ObjectNode extension = list.addObject();
    int form = random.nextInt(8);
    extension.put("url", "http://hl7.org/fhir/StructureDefinition/data-absent-reason");
    if (form != 1) extension.put("valueCode", form == 2 ? "not known" : "unknown");
    if (form == 3) extension.remove("url");
    if (form == 4) extension.put("url", "relative");
    if (form == 5) extension.putArray("extension").addObject().put("url", "http://hl7.org/fhir/StructureDefinition/data-absent-reason").put("valueCode", "unknown");
    if (form == 6) extension.put("valueString", "a");
    if (form == 7) extension.put("url", "http://example.org/unknown-extension");
    name = (modifier ? "modifier extension" : "extension") + ": "
        + List.of("sound", "without a value", "a code outside its set", "without a url", "a relative url", "a value and an extension", "two values", "an unknown url").get(form);
    return true;
  }

  private boolean reference(ObjectNode object) {
    if (!object.has("reference") && !(object.has("identifier") && object.has("type") && object.size() <= 3)) return false;
    int form = random.nextInt(7);
    List<String> values = List.of("Patient/9000000009", "Nothing/1", "#none", "http://example.org/fhir/Patient/1", "urn:uuid:0e5fb8e1-5f8c-4d0e-9d40-0a6d5e6a9b11", "Medication/1", "patient/1");
    object.put("reference", values.get(form));
    if (random.nextBoolean()) object.put("type", List.of("Patient", "Organization", "Nothing", "http://hl7.org/fhir/StructureDefinition/Patient").get(random.nextInt(4)));
    name = "reference " + values.get(form) + " of type " + object.path("type").asText("none");
    return true;
  }

  private boolean contained(ObjectNode resource) {
    place = "contained";
    ObjectNode inner = resource.withArray("contained").addObject().put("resourceType", "Patient");
    int form = random.nextInt(6);
    inner.put("active", true);
    if (form != 0) inner.put("id", form == 1 ? "a b" : "c");
    if (form == 2) inner.putObject("meta").put("versionId", "1");
    if (form == 3) inner.putArray("contained").addObject().put("resourceType", "Patient").put("id", "d");
    if (form == 4) inner.put("gender", "unknown-code");
    name = "contained: " + List.of("without an id", "an id with a space", "with a version", "with a contained resource", "with a wrong code", "not referred to").get(form);
    return true;
  }

  private boolean narrative(ObjectNode resource) {
    place = "text";
    String head = "<div xmlns=\"http://www.w3.org/1999/xhtml\">";
    List<String> all = List.of(head + "<p>sound</p></div>", head + "</div>", head + "<script>x</script></div>", "<div>no namespace</div>", head + "<p>open</div>", "text",
        head + "<a href=\"#none\">x</a></div>", head + "<img src=\"http://example.org/a.png\"/></div>", head + "<p onclick=\"x\">y</p></div>", head + "&nbsp;x</div>", head + "<b>x</b> &lt; &amp;</div>");
    int form = random.nextInt(all.size());
    ObjectNode text = resource.putObject("text").put("status", random.nextInt(6) == 0 ? "wrong" : "generated").put("div", all.get(form));
    if (random.nextInt(8) == 0) text.remove("status");
    name = "narrative " + all.get(form).replace(head, "<div>") + " " + text.path("status").asText("without a status");
    return true;
  }

  /** Adds an element that R4 has for this place, with a sound value of its type. */
  private boolean addElement(ObjectNode resource) {
    List<ElementDefinition> choices = definition.getSnapshot().getElement().stream()
        .filter(element -> element.hasType() && element.getPath().split("[.]").length == 2)
        .filter(element -> !List.of("id", "meta", "text", "contained", "extension", "modifierExtension", "implicitRules").contains(element.getPath().split("[.]")[1]))
        .sorted(Comparator.comparing(ElementDefinition::getPath)).toList();
    ElementDefinition element = choices.get(random.nextInt(choices.size()));
    String type = element.getType().get(random.nextInt(element.getType().size())).getCode();
    String key = element.getPath().split("[.]")[1];
    if (key.endsWith("[x]")) key = key.replace("[x]", Character.toUpperCase(type.charAt(0)) + type.substring(1));
    JsonNode value = sample(type);
    if (value == null || resource.has(key)) return false;
    place = element.getPath();
    name = "add " + element.getPath() + " as " + type;
    if (element.getMax().equals("1")) resource.set(key, value);
    else resource.putArray(key).add(value);
    return true;
  }

  private static JsonNode sample(String type) {
    String text = switch (type) {
      case "string", "markdown" -> "\"a text\"";
      case "uri", "url", "canonical" -> "\"http://example.org/a\"";
      case "oid" -> "\"urn:oid:1.2.3\"";
      case "date" -> "\"2026-01-02\"";
      case "dateTime" -> "\"2026-01-02T03:04:05Z\"";
      case "instant" -> "\"2026-01-02T03:04:05.678Z\"";
      case "time" -> "\"10:11:12\"";
      case "code" -> "\"active\"";
      case "id" -> "\"an-id\"";
      case "boolean" -> "true";
      case "integer", "positiveInt", "unsignedInt" -> "3";
      case "decimal" -> "1.50";
      case "base64Binary" -> "\"aGVsbG8=\"";
      case "Identifier" -> "{\"system\":\"http://example.org/ids\",\"value\":\"1\"}";
      case "Reference" -> "{\"display\":\"a thing\"}";
      case "CodeableConcept" -> "{\"text\":\"a concept\"}";
      case "Coding" -> "{\"system\":\"http://example.org/codes\",\"code\":\"a\"}";
      case "Period" -> "{\"start\":\"2026-02-01\",\"end\":\"2026-01-01\"}";
      case "HumanName" -> "{\"family\":\"Smith\",\"use\":\"official\"}";
      case "ContactPoint" -> "{\"value\":\"01\"}";
      case "Address" -> "{\"city\":\"Leeds\"}";
      case "Attachment" -> "{\"data\":\"aGVsbG8=\"}";
      case "Annotation" -> "{\"text\":\"a note\"}";
      case "ContactDetail" -> "{\"name\":\"a name\"}";
      case "UsageContext" -> "{\"code\":{\"code\":\"a\"},\"valueCodeableConcept\":{\"text\":\"b\"}}";
      case "Signature" -> "{\"type\":[{\"code\":\"a\"}],\"when\":\"2026-01-02T03:04:05Z\",\"who\":{\"display\":\"a\"}}";
      case "Quantity" -> "{\"value\":1,\"code\":\"mg\"}";
      default -> null;
    };
    try {
      return text == null ? null : JSON.readTree(text);
    } catch (com.fasterxml.jackson.core.JsonProcessingException error) {
      throw new IllegalStateException(error);
    }
  }
}
