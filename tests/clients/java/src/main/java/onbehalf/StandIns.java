package onbehalf;

import java.util.ArrayList;
import java.util.List;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.ElementDefinition;
import org.hl7.fhir.r4.model.Enumerations.FHIRVersion;
import org.hl7.fhir.r4.model.Enumerations.PublicationStatus;
import org.hl7.fhir.r4.model.StructureDefinition;
import org.hl7.fhir.r4.model.StructureDefinition.ExtensionContextType;
import org.hl7.fhir.r4.model.StructureDefinition.StructureDefinitionKind;
import org.hl7.fhir.r4.model.StructureDefinition.TypeDerivationRule;
import org.hl7.fhir.r4.model.UriType;

/**
 * Definitions that HAPI's artefacts lack, written from what their guides publish: where each extension may stand, and
 * which type of value it has. What else the guides say of them is not checked here.
 */
final class StandIns {
  private static final String BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/";
  private static final String TOPIC_R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.";
  private static final String TOPIC_R4B = "http://hl7.org/fhir/4.3/StructureDefinition/extension-SubscriptionTopic.";

  private final List<IBaseResource> all = new ArrayList<>();

  private StandIns() {
    // Subscriptions R5 Backport 1.1.0.
    simple(BACKPORT + "backport-filter-criteria", "Subscription.criteria", "string");
    simple(BACKPORT + "backport-heartbeat-period", "Subscription.channel", "unsignedInt");
    simple(BACKPORT + "backport-timeout", "Subscription.channel", "unsignedInt");
    simple(BACKPORT + "backport-max-count", "Subscription.channel", "positiveInt");
    simple(BACKPORT + "backport-channel-type", "Subscription.channel.type", "Coding");
    simple(BACKPORT + "backport-payload-content", "Subscription.channel.payload", "code");
    simple(BACKPORT + "capabilitystatement-subscriptiontopic-canonical", "CapabilityStatement.rest.resource", "canonical");
    profile(BACKPORT + "backport-subscription", "Subscription");
    profile(BACKPORT + "backport-subscription-status-r4", "Parameters");
    profile(BACKPORT + "backport-subscription-notification-r4", "Bundle");
    // SMART App Launch 2: HAPI has the extension of version 1, without `introspect` and `revoke`.
    complex("http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris", "CapabilityStatement.rest.security",
        "authorize", "uri", "token", "uri", "register", "uri", "manage", "uri", "introspect", "uri", "revoke", "uri");
    // R5's and R4B's SubscriptionTopic as a Basic, by the rules for extensions between versions.
    for (String element : List.of("url uri", "version string", "name string", "title string", "date dateTime", "description markdown")) {
      String[] parts = element.split(" ");
      simple(TOPIC_R5 + parts[0], "Basic", parts[1]);
    }
    modifier(simple(TOPIC_R5 + "status", "Basic", "code"));
    complex(TOPIC_R4B + "resourceTrigger", "Basic", "description", "markdown", "resource", "uri", "supportedInteraction", "code",
        "fhirPathCriteria", "string");
    complex(TOPIC_R4B + "canFilterBy", "Basic", "description", "markdown", "resource", "uri", "filterParameter", "string");
    complex(TOPIC_R4B + "notificationShape", "Basic", "resource", "uri", "include", "string", "revInclude", "string");
    // What UK Core's profiles name of R5 and R6.
    simple("http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.content", "Subscription", "code");
    complex("http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.parameter", "Subscription", "name", "string", "value", "string");
    simple("http://hl7.org/fhir/6.0/StructureDefinition/extension-Patient.fetalStatus", "Patient", "CodeableConcept");
  }

  static List<IBaseResource> all() {
    return new StandIns().all;
  }

  private StructureDefinition simple(String url, String context, String type) {
    StructureDefinition definition = extension(url, context);
    definition.getDifferential().addElement(element("Extension.extension").setMax("0"));
    definition.getDifferential().addElement(element("Extension.url").setFixed(new UriType(url)));
    ElementDefinition value = element("Extension.value[x]").setMin(1);
    value.addType().setCode(type);
    definition.getDifferential().addElement(value);
    return definition;
  }

  /** An extension of extensions: pairs of a name and the type of its value. */
  private void complex(String url, String context, String... parts) {
    StructureDefinition definition = extension(url, context);
    ElementDefinition slicing = element("Extension.extension");
    slicing.getSlicing().setRules(ElementDefinition.SlicingRules.OPEN).addDiscriminator()
        .setType(ElementDefinition.DiscriminatorType.VALUE).setPath("url");
    definition.getDifferential().addElement(slicing);
    for (int index = 0; index < parts.length; index += 2) {
      String name = "Extension.extension:" + parts[index];
      definition.getDifferential().addElement(slice(name, "Extension.extension").setSliceName(parts[index]).setMin(0).setMax("*"));
      definition.getDifferential().addElement(slice(name + ".url", "Extension.extension.url").setFixed(new UriType(parts[index])));
      ElementDefinition value = slice(name + ".value[x]", "Extension.extension.value[x]");
      value.addType().setCode(parts[index + 1]);
      definition.getDifferential().addElement(value);
    }
    definition.getDifferential().addElement(element("Extension.url").setFixed(new UriType(url)));
    definition.getDifferential().addElement(element("Extension.value[x]").setMax("0"));
  }

  private static void modifier(StructureDefinition definition) {
    definition.getDifferential().getElementFirstRep().setIsModifier(true).setIsModifierReason("The status changes what the rest means.");
  }

  private void profile(String url, String type) {
    StructureDefinition definition = definition(url, type);
    definition.setKind(StructureDefinitionKind.RESOURCE);
    definition.getDifferential().addElement(element(type));
  }

  private StructureDefinition extension(String url, String context) {
    StructureDefinition definition = definition(url, "Extension");
    definition.setKind(StructureDefinitionKind.COMPLEXTYPE);
    definition.addContext().setType(ExtensionContextType.ELEMENT).setExpression(context);
    definition.getDifferential().addElement(element("Extension"));
    return definition;
  }

  private StructureDefinition definition(String url, String type) {
    StructureDefinition definition = new StructureDefinition();
    definition.setUrl(url).setName(url.replaceAll("[^A-Za-z0-9]", "_")).setStatus(PublicationStatus.ACTIVE);
    definition.setFhirVersion(FHIRVersion._4_0_1).setAbstract(false).setType(type);
    definition.setBaseDefinition("http://hl7.org/fhir/StructureDefinition/" + type).setDerivation(TypeDerivationRule.CONSTRAINT);
    all.add(definition);
    return definition;
  }

  private static ElementDefinition element(String path) {
    return slice(path, path);
  }

  private static ElementDefinition slice(String id, String path) {
    ElementDefinition element = new ElementDefinition();
    element.setPath(path).setId(id);
    return element;
  }
}
