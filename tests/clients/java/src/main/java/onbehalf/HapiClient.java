package onbehalf;

import static onbehalf.Harness.BASE;
import static onbehalf.Harness.NHS;
import static onbehalf.Harness.ROLE;
import static onbehalf.Harness.check;
import static onbehalf.Harness.equal;
import static onbehalf.Harness.patient;
import static onbehalf.Harness.refused;
import static onbehalf.Harness.relationship;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.api.MethodOutcome;
import ca.uhn.fhir.rest.api.PreferReturnEnum;
import ca.uhn.fhir.rest.api.SearchStyleEnum;
import ca.uhn.fhir.rest.api.SearchTotalModeEnum;
import ca.uhn.fhir.rest.api.SummaryEnum;
import ca.uhn.fhir.rest.client.api.ServerValidationModeEnum;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.interceptor.BearerTokenAuthInterceptor;
import ca.uhn.fhir.rest.gclient.ICriterion;
import ca.uhn.fhir.rest.gclient.ReferenceClientParam;
import ca.uhn.fhir.rest.gclient.StringClientParam;
import ca.uhn.fhir.rest.gclient.TokenClientParam;
import ca.uhn.fhir.rest.server.exceptions.AuthenticationException;
import ca.uhn.fhir.rest.server.exceptions.BaseServerResponseException;
import ca.uhn.fhir.rest.server.exceptions.ForbiddenOperationException;
import ca.uhn.fhir.rest.server.exceptions.InvalidRequestException;
import ca.uhn.fhir.rest.server.exceptions.MethodNotAllowedException;
import ca.uhn.fhir.rest.server.exceptions.PreconditionFailedException;
import ca.uhn.fhir.rest.server.exceptions.ResourceNotFoundException;
import ca.uhn.fhir.rest.server.exceptions.UnprocessableEntityException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.apache.http.HttpResponseInterceptor;
import org.apache.http.impl.client.HttpClientBuilder;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.Bundle.BundleEntryComponent;
import org.hl7.fhir.r4.model.Bundle.BundleType;
import org.hl7.fhir.r4.model.Bundle.HTTPVerb;
import org.hl7.fhir.r4.model.CapabilityStatement;
import org.hl7.fhir.r4.model.CodeType;
import org.hl7.fhir.r4.model.CodeableConcept;
import org.hl7.fhir.r4.model.Consent;
import org.hl7.fhir.r4.model.IdType;
import org.hl7.fhir.r4.model.OperationOutcome;
import org.hl7.fhir.r4.model.OperationOutcome.IssueSeverity;
import org.hl7.fhir.r4.model.Parameters;
import org.hl7.fhir.r4.model.Patient;
import org.hl7.fhir.r4.model.Provenance;
import org.hl7.fhir.r4.model.QuestionnaireResponse;
import org.hl7.fhir.r4.model.Reference;
import org.hl7.fhir.r4.model.RelatedPerson;
import org.hl7.fhir.r4.model.StringType;
import org.hl7.fhir.r4.model.Subscription;

/** HAPI's generic client against a running server, as an EPR uses it. Its argument is the folder of the examples. */
public final class HapiClient {
  private static final FhirContext FHIR = FhirContext.forR4();
  private static final String REASON = "https://fhir.nhs.uk/England/StructureDefinition/Extension-England-Consent-Status-Reason";
  private static final String PROXY = "9000000100";
  private static final String CHILD = "9000000009";
  private final IGenericClient client = FHIR.newRestfulGenericClient(BASE);
  private final Path examples;
  private final List<String> encodings = new ArrayList<>();

  private HapiClient(Path examples) {
    this.examples = examples;
  }

  public static void main(String[] arguments) {
    System.exit(new HapiClient(Path.of(arguments[0])).run() ? 0 : 1);
  }

  private boolean run() {
    Harness tests = new Harness();
    tests.test("metadata_is_checked_on_first_use", this::metadataIsChecked);
    tests.test("create_read_vread_update_delete_in_json", () -> lifeOfAResource(EncodingEnum.JSON, "9992000023"));
    tests.test("create_read_vread_update_delete_in_xml", () -> lifeOfAResource(EncodingEnum.XML, "9992000031"));
    tests.test("update_with_a_stale_if_match_is_412", this::staleUpdate);
    tests.test("conditional_create_creates_once", this::conditionalCreate);
    tests.test("conditional_update_and_patch", this::conditionalUpdateAndPatch);
    tests.test("json_patch_and_fhirpath_patch", this::patches);
    tests.test("prefer_return", this::preferReturn);
    tests.test("read_that_is_not_modified", this::notModified);
    tests.test("history_of_an_instance_a_type_and_the_server", this::histories);
    tests.test("search_with_chained_parameters", this::chains);
    tests.test("search_with_the_modifier_identifier", this::identifierModifier);
    tests.test("search_with_include_and_revinclude", this::includes);
    tests.test("search_by_post", this::searchByPost);
    tests.test("search_pages_with_load_page", this::pages);
    tests.test("search_summary_elements_and_total", this::summaries);
    tests.test("search_by_url", this::searchByUrl);
    tests.test("transaction_with_urn_uuid", this::transaction);
    tests.test("batch_with_an_error", this::batch);
    tests.test("everything_of_a_patient", this::everything);
    tests.test("validate", this::validate);
    tests.test("meta", this::meta);
    tests.test("questionnaire_response_from_the_examples", this::accessRequest);
    tests.test("role_is_created_ended_and_refused_twice", this::role);
    tests.test("subscription_is_created_and_deleted", this::subscription);
    tests.test("every_exception_has_an_operation_outcome", this::errors);
    tests.test("bearer_token_from_client_credentials", this::bearerToken);
    tests.test("compression_requested_and_identity_answered", this::compression);
    return tests.run();
  }

  private void metadataIsChecked() {
    FhirContext fresh = FhirContext.forR4();
    check(fresh.getRestfulClientFactory().getServerValidationMode() == ServerValidationModeEnum.ONCE, "HAPI's default");
    List<String> asked = new ArrayList<>();
    IGenericClient one = fresh.newRestfulGenericClient(BASE);
    one.registerInterceptor(new Watch(asked));
    check(one.read().resource(Consent.class).withId(ROLE).execute().hasStatus(), "a role");
    CapabilityStatement statement = one.capabilities().ofType(CapabilityStatement.class).execute();
    equal(statement.getFhirVersion().toCode(), "4.0.1");
    one.forceConformanceCheck();
    check(asked.stream().anyMatch(url -> url.contains("/metadata")), asked);
  }

  private void lifeOfAResource(EncodingEnum encoding, String child) {
    IGenericClient one = FHIR.newRestfulGenericClient(BASE);
    one.setEncoding(encoding);
    MethodOutcome made = one.create().resource(relationship(PROXY, child)).execute();
    check(made.getCreated() && made.getId().hasVersionIdPart(), made.getId());
    RelatedPerson person = (RelatedPerson) made.getResource();
    equal(person.getIdElement().getVersionIdPart(), "1");
    RelatedPerson read = one.read().resource(RelatedPerson.class).withId(made.getId().toUnqualifiedVersionless()).execute();
    check(read.equalsDeep(person), FHIR.newJsonParser().encodeResourceToString(read));
    MethodOutcome changed = one.update().resource(read.setActive(false)).withId(read.getIdElement().toUnqualifiedVersionless()).execute();
    equal(changed.getId().getVersionIdPart(), "2");
    RelatedPerson first = one.read().resource(RelatedPerson.class).withId(made.getId().toUnqualified().withVersion("1")).execute();
    check(first.getActive(), "version 1 is as it was");
    refused(MethodNotAllowedException.class, () -> one.delete().resourceById(made.getId().toUnqualifiedVersionless()).execute());
  }

  private void staleUpdate() {
    IdType id = (IdType) client.create().resource(relationship(PROXY, "9992000058")).execute().getId().toUnqualifiedVersionless();
    RelatedPerson person = client.read().resource(RelatedPerson.class).withId(id).execute();
    // HAPI sends If-Match where the id of the resource has a version.
    client.update().resource(person.setActive(false)).withId(id.withVersion("1")).execute();
    PreconditionFailedException stale =
        refused(PreconditionFailedException.class, () -> client.update().resource(person.setActive(true)).withId(id.withVersion("1")).execute());
    outcome(stale);
    check(!client.read().resource(RelatedPerson.class).withId(id).execute().getActive(), "nothing changed");
  }

  private void conditionalCreate() {
    Callable<MethodOutcome> create = () ->
        client.create().resource(relationship(PROXY, "9992000066")).conditional()
            .where(RelatedPerson.IDENTIFIER.exactly().systemAndCode(NHS, PROXY))
            .and(new TokenClientParam("patient:identifier").exactly().systemAndCode(NHS, "9992000066")).execute();
    MethodOutcome first;
    MethodOutcome second;
    try {
      first = create.call();
      second = create.call();
    } catch (Exception error) {
      throw new AssertionError(error);
    }
    check(Boolean.TRUE.equals(first.getCreated()), "created");
    check(!Boolean.TRUE.equals(second.getCreated()), "found");
    equal(second.getId().getIdPart(), first.getId().getIdPart());
  }

  private void conditionalUpdateAndPatch() {
    String search = "RelatedPerson?identifier=" + PROXY + "&patient=9992000074";
    MethodOutcome made = client.update().resource(relationship(PROXY, "9992000074")).conditionalByUrl(search).execute();
    MethodOutcome changed = client.update().resource(relationship(PROXY, "9992000074").setActive(false)).conditionalByUrl(search).execute();
    equal(changed.getId().getIdPart(), made.getId().getIdPart());
    equal(changed.getId().getVersionIdPart(), "2");
    MethodOutcome patched = client.patch().withBody("[{\"op\":\"replace\",\"path\":\"/active\",\"value\":true}]").conditionalByUrl(search).execute();
    equal(patched.getId().getVersionIdPart(), "3");
  }

  private void patches() {
    IdType id = (IdType) client.create().resource(relationship(PROXY, "9992000082")).execute().getId().toUnqualifiedVersionless();
    MethodOutcome patched = client.patch().withBody("[{\"op\":\"replace\",\"path\":\"/active\",\"value\":false}]").withId(id).execute();
    check(!((RelatedPerson) patched.getResource()).getActive(), "patched");
    Parameters patch = new Parameters();
    Parameters.ParametersParameterComponent operation = patch.addParameter().setName("operation");
    operation.addPart().setName("type").setValue(new CodeType("replace"));
    operation.addPart().setName("path").setValue(new StringType("RelatedPerson.active"));
    operation.addPart().setName("value").setValue(new org.hl7.fhir.r4.model.BooleanType(true));
    MethodOutcome again = client.patch().withFhirPatch(patch).withId(id).execute();
    equal(again.getId().getVersionIdPart(), "3");
    UnprocessableEntityException wrong = refused(UnprocessableEntityException.class,
        () -> client.patch().withBody("[{\"op\":\"test\",\"path\":\"/active\",\"value\":false}]").withId(id).execute());
    outcome(wrong);
  }

  private void preferReturn() {
    MethodOutcome minimal = client.create().resource(relationship(PROXY, "9992000090")).prefer(PreferReturnEnum.MINIMAL).execute();
    check(minimal.getResource() == null && minimal.getOperationOutcome() == null, "no body");
    MethodOutcome told = client.create().resource(relationship(PROXY, "9992000104")).prefer(PreferReturnEnum.OPERATION_OUTCOME).execute();
    check(told.getOperationOutcome() instanceof OperationOutcome, told.getOperationOutcome());
    check(minimal.getId().hasIdPart() && told.getId().hasVersionIdPart(), "both have their id");
  }

  private void notModified() {
    Consent role = client.read().resource(Consent.class).withId(ROLE).execute();
    String version = role.getMeta().getVersionId();
    Consent kept = new Consent();
    check(client.read().resource(Consent.class).withId(ROLE).ifVersionMatches(version).returnResource(kept).execute() == kept, "304");
    Consent other = client.read().resource(Consent.class).withId(ROLE).ifVersionMatches("999").returnNull().execute();
    check(other != null, "200");
  }

  private void histories() {
    IdType id = (IdType) client.create().resource(relationship(PROXY, "9992000112")).execute().getId().toUnqualifiedVersionless();
    client.update().resource(relationship(PROXY, "9992000112").setActive(false)).withId(id).execute();
    Bundle instance = client.history().onInstance(id).returnBundle(Bundle.class).execute();
    equal(instance.getTotal(), 2);
    equal(instance.getEntryFirstRep().getResource().getIdElement().getVersionIdPart(), "2");
    Bundle type = client.history().onType(RelatedPerson.class).returnBundle(Bundle.class).count(3).execute();
    equal(type.getEntry().size(), 3);
    Bundle all = client.history().onServer().returnBundle(Bundle.class).count(5).execute();
    check(all.getType() == BundleType.HISTORY && all.getEntry().size() == 5, all.getType());
    check(client.loadPage().next(all).execute().hasEntry(), "the next page of a history");
  }

  private void chains() {
    Bundle byName = search(new ReferenceClientParam("performer").hasChainedProperty(new StringClientParam("family").matches().value("Thompson")));
    Bundle byNumber = search(Consent.PATIENT.hasChainedProperty(new TokenClientParam("identifier").exactly().systemAndCode(NHS, CHILD)));
    equal(byNumber.getTotal(), 3);
    check(byName.getTotal() > 0, byName.getTotal());
    Bundle has = client.search().forResource(Patient.class).where(Patient.ACTIVE.exactly().code("true"))
        .and(new StringClientParam("_has:Consent:patient:status").matches().value("active")).returnBundle(Bundle.class).execute();
    check(has.getTotal() > 0, has.getTotal());
  }

  private void identifierModifier() {
    equal(search(new TokenClientParam("patient:identifier").exactly().systemAndCode(NHS, CHILD)).getTotal(), 3);
    equal(search(new TokenClientParam("performer:identifier").exactly().systemAndCode(NHS, "9000000999")).getTotal(), 0);
  }

  private void includes() {
    Bundle found = client.search().forResource(Consent.class).where(Consent.PATIENT.hasId(CHILD))
        .include(Consent.INCLUDE_PATIENT).include(new ca.uhn.fhir.model.api.Include("Consent:performer"))
        .revInclude(Provenance.INCLUDE_TARGET).returnBundle(Bundle.class).execute();
    equal(count(found, Consent.class), 3);
    check(count(found, Patient.class) >= 3, count(found, Patient.class));
    check(found.getEntry().stream().filter(entry -> !(entry.getResource() instanceof Consent))
        .allMatch(entry -> entry.getSearch().getMode() == Bundle.SearchEntryMode.INCLUDE), "mode");
    IdType id = (IdType) client.create().resource(relationship(PROXY, "9992000120")).execute().getId().toUnqualifiedVersionless();
    Bundle proved = client.search().forResource(RelatedPerson.class).where(RelatedPerson.RES_ID.exactly().code(id.getIdPart()))
        .revInclude(Provenance.INCLUDE_TARGET).returnBundle(Bundle.class).execute();
    equal(count(proved, Provenance.class), 1);
  }

  private void searchByPost() {
    Bundle found = client.search().forResource(Consent.class).where(Consent.PATIENT.hasId(CHILD))
        .usingStyle(SearchStyleEnum.POST).returnBundle(Bundle.class).execute();
    equal(found.getTotal(), 3);
  }

  private void pages() {
    Set<String> ids = new HashSet<>();
    Bundle page = client.search().forResource(Consent.class).count(7).sort().descending(Consent.DATE)
        .totalMode(SearchTotalModeEnum.ACCURATE).returnBundle(Bundle.class).execute();
    int total = page.getTotal();
    int pages = 1;
    page.getEntry().forEach(entry -> ids.add(entry.getResource().getIdElement().getIdPart()));
    while (page.getLink(Bundle.LINK_NEXT) != null) {
      page = client.loadPage().next(page).execute();
      page.getEntry().forEach(entry -> ids.add(entry.getResource().getIdElement().getIdPart()));
      pages += 1;
    }
    equal(ids.size(), total);
    check(pages >= 5, pages);
  }

  private void summaries() {
    Bundle counted = client.search().forResource(Consent.class).summaryMode(SummaryEnum.COUNT).returnBundle(Bundle.class).execute();
    check(counted.getTotal() > 0 && !counted.hasEntry(), counted.getTotal());
    Bundle narrow = client.search().forResource(Consent.class).elementsSubset("status").count(1).returnBundle(Bundle.class).execute();
    Consent part = (Consent) narrow.getEntryFirstRep().getResource();
    check(part.hasStatus() && !part.hasProvision(), "narrow");
    check(part.getMeta().getTag().stream().anyMatch(tag -> tag.getCode().equals("SUBSETTED")), "tagged");
  }

  private void searchByUrl() {
    Bundle found = client.search().byUrl("Consent?patient=" + CHILD + "&status=active,inactive,rejected").returnBundle(Bundle.class).execute();
    equal(found.getTotal(), 3);
    Bundle dated = search(Consent.DATE.afterOrEquals().day("2000-01-01"));
    check(dated.getTotal() > 0, dated.getTotal());
  }

  private void transaction() throws Exception {
    QuestionnaireResponse form = example(QuestionnaireResponse.class, "access-request.json");
    String related = "urn:uuid:6a0e2a4c-77e3-4d53-8f0b-b3a4f0c7f4d2";
    form.setAuthor(new Reference(related));
    Bundle bundle = new Bundle().setType(BundleType.TRANSACTION);
    bundle.addEntry().setFullUrl("urn:uuid:0e5fb8e1-5f8c-4d0e-9d40-0a6d5e6a9b11").setResource(form)
        .getRequest().setMethod(HTTPVerb.POST).setUrl("QuestionnaireResponse");
    bundle.addEntry().setFullUrl(related).setResource(relationship("9000000017", "9992000147"))
        .getRequest().setMethod(HTTPVerb.POST).setUrl("RelatedPerson");
    bundle.addEntry().getRequest().setMethod(HTTPVerb.GET).setUrl("Consent/" + ROLE);
    Bundle done = client.transaction().withBundle(bundle).execute();
    equal(done.getType(), BundleType.TRANSACTIONRESPONSE);
    IdType place = new IdType(done.getEntry().get(0).getResponse().getLocation());
    IdType person = new IdType(done.getEntry().get(1).getResponse().getLocation());
    QuestionnaireResponse kept = client.read().resource(QuestionnaireResponse.class).withId(place.toUnqualifiedVersionless()).execute();
    equal(kept.getAuthor().getReference(), person.toUnqualifiedVersionless().getValue());
    check(done.getEntry().get(2).getResource() instanceof Consent, "the read");
    bundle.getEntry().get(2).getRequest().setUrl("Consent/none");
    outcome(refused(BaseServerResponseException.class, () -> client.transaction().withBundle(bundle).execute()));
  }

  private void batch() {
    Bundle bundle = new Bundle().setType(BundleType.BATCH);
    bundle.addEntry().getRequest().setMethod(HTTPVerb.GET).setUrl("Consent?patient=" + CHILD);
    bundle.addEntry().getRequest().setMethod(HTTPVerb.GET).setUrl("Consent/none");
    Bundle done = client.transaction().withBundle(bundle).execute();
    equal(((Bundle) done.getEntry().get(0).getResource()).getTotal(), 3);
    BundleEntryComponent missing = done.getEntry().get(1);
    check(missing.getResponse().getStatus().startsWith("404") && missing.getResponse().getOutcome() instanceof OperationOutcome, "404");
  }

  private void everything() {
    Bundle all = client.operation().onInstance(new IdType("Patient", CHILD)).named("$everything")
        .withNoParameters(Parameters.class).useHttpGet().returnResourceType(Bundle.class).execute();
    check(count(all, Patient.class) >= 1 && count(all, Consent.class) == 3, all.getTotal());
    Bundle posted = client.operation().onInstance(new IdType("Patient", CHILD)).named("$everything")
        .withNoParameters(Parameters.class).returnResourceType(Bundle.class).execute();
    // Each answer leaves an AuditEvent, which the next one has.
    check(posted.getTotal() >= all.getTotal() && count(posted, Consent.class) == 3, posted.getTotal());
  }

  private void validate() {
    MethodOutcome good = client.validate().resource(relationship(PROXY, "9992000155")).execute();
    check(errors(good.getOperationOutcome()) == 0, "valid");
    RelatedPerson wrong = relationship(PROXY, "9992000155");
    wrong.setPatient(null);
    MethodOutcome bad = client.validate().resource(wrong).execute();
    check(errors(bad.getOperationOutcome()) > 0, "invalid");
  }

  private void meta() {
    org.hl7.fhir.r4.model.Meta meta = client.meta().get(org.hl7.fhir.r4.model.Meta.class).fromResource(new IdType("Consent", ROLE)).execute();
    check(meta.hasProfile(), "profile");
  }

  private void accessRequest() throws Exception {
    QuestionnaireResponse form = example(QuestionnaireResponse.class, "access-request.json");
    MethodOutcome made = client.create().resource(form).execute();
    Bundle found = client.search().forResource(QuestionnaireResponse.class)
        .where(new TokenClientParam("source:identifier").exactly().systemAndCode(NHS, "9000000017")).returnBundle(Bundle.class).execute();
    check(found.getEntry().stream().anyMatch(entry -> entry.getResource().getIdElement().getIdPart().equals(made.getId().getIdPart())), "found");
  }

  private void role() throws Exception {
    Consent body = example(Consent.class, "consent-create.json");
    // The example is for the contract's API. Here the actor is the Patient that the performer is.
    body.getProvision().getActorFirstRep().getReference().setType("Patient");
    MethodOutcome made = client.create().resource(body).execute();
    IdType id = (IdType) made.getId().toUnqualifiedVersionless();
    outcome(refused(BaseServerResponseException.class, () -> client.create().resource(body).execute()));
    Consent role = client.read().resource(Consent.class).withId(id).execute();
    CodeableConcept reason = (CodeableConcept) role.getExtensionByUrl(REASON).getValue();
    role.setStatus(Consent.ConsentState.INACTIVE);
    reason.getCodingFirstRep().setCode("ROLE_DEACTIVATED_SAFEGUARDING").setDisplay(null);
    Consent ended = (Consent) client.update().resource(role).execute().getResource();
    equal(ended.getStatus(), Consent.ConsentState.INACTIVE);
    equal(ended.getMeta().getVersionId(), "2");
  }

  private void subscription() throws Exception {
    Subscription body = example(Subscription.class, "subscription-classic.json");
    body.getChannel().setEndpoint("http://127.0.0.1:9/on-consent");
    IdType id = (IdType) client.create().resource(body).execute().getId().toUnqualifiedVersionless();
    Subscription kept = client.read().resource(Subscription.class).withId(id).execute();
    equal(kept.getCriteria(), body.getCriteria());
    client.delete().resourceById(id).execute();
    BaseServerResponseException gone = refused(BaseServerResponseException.class, () -> client.read().resource(Subscription.class).withId(id).execute());
    equal(gone.getStatusCode(), 410);
    outcome(gone);
  }

  private void errors() {
    outcome(refused(ResourceNotFoundException.class, () -> client.read().resource(Consent.class).withId("00000000-0000-7000-8000-000000000000").execute()));
    outcome(refused(MethodNotAllowedException.class, () -> client.delete().resourceById("Consent", ROLE).execute()));
    outcome(refused(InvalidRequestException.class, () -> client.search().byUrl("Consent?date=soon").returnBundle(Bundle.class).execute()));
    RelatedPerson wrong = relationship(PROXY, PROXY);
    outcome(refused(UnprocessableEntityException.class, () -> client.create().resource(wrong).execute()));
    RelatedPerson incomplete = relationship(PROXY, "9992000163");
    incomplete.setPatient(null);
    outcome(refused(UnprocessableEntityException.class, () -> client.create().resource(incomplete).execute()));
    IGenericClient xml = FHIR.newRestfulGenericClient(BASE);
    xml.setEncoding(EncodingEnum.XML);
    outcome(refused(ResourceNotFoundException.class, () -> xml.read().resource(Consent.class).withId("none").execute()));
    IGenericClient stranger = FHIR.newRestfulGenericClient(BASE);
    stranger.registerInterceptor(new BearerTokenAuthInterceptor("no.such.token"));
    outcome(refused(AuthenticationException.class, () -> stranger.read().resource(Consent.class).withId(ROLE).execute()));
  }

  private void bearerToken() throws Exception {
    IGenericClient system = FHIR.newRestfulGenericClient(BASE);
    system.registerInterceptor(new BearerTokenAuthInterceptor(token("system/Consent.rs system/Patient.r")));
    check(system.read().resource(Consent.class).withId(ROLE).execute().hasStatus(), "read");
    ForbiddenOperationException refusal = refused(ForbiddenOperationException.class, () -> system.create().resource(relationship(PROXY, "9992000244")).execute());
    outcome(refusal);
  }

  private void compression() {
    FhirContext fresh = FhirContext.forR4();
    List<String> requested = new ArrayList<>();
    HttpResponseInterceptor before = (response, context) ->
        encodings.add(response.containsHeader("Content-Encoding") ? response.getFirstHeader("Content-Encoding").getValue() : "identity");
    fresh.getRestfulClientFactory().setHttpClient(HttpClientBuilder.create().addInterceptorFirst(before)
        .addInterceptorLast((org.apache.http.HttpRequest request, org.apache.http.protocol.HttpContext context) ->
            requested.add(request.getFirstHeader("Accept-Encoding").getValue())).build());
    IGenericClient one = fresh.newRestfulGenericClient(BASE);
    check(one.search().forResource(Consent.class).count(50).returnBundle(Bundle.class).execute().hasEntry(), "answered");
    check(requested.stream().allMatch(value -> value.contains("gzip")) && requested.size() == encodings.size(), requested);
    check(encodings.stream().allMatch("identity"::equals) && !encodings.isEmpty(), encodings);
  }

  /** The requests of a client, in the order in which they were sent. */
  public record Watch(List<String> asked) implements ca.uhn.fhir.rest.client.api.IClientInterceptor {
    @Override
    public void interceptRequest(ca.uhn.fhir.rest.client.api.IHttpRequest request) {
      asked.add(request.getUri());
    }

    @Override
    public void interceptResponse(ca.uhn.fhir.rest.client.api.IHttpResponse response) {}
  }

  private Bundle search(ICriterion<?> criterion) {
    return client.search().forResource(Consent.class).where(criterion).returnBundle(Bundle.class).execute();
  }

  private static int count(Bundle bundle, Class<? extends IBaseResource> kind) {
    return (int) bundle.getEntry().stream().filter(entry -> kind.isInstance(entry.getResource())).count();
  }

  private static long errors(IBaseResource outcome) {
    return ((OperationOutcome) outcome).getIssue().stream().filter(issue -> issue.getSeverity() == IssueSeverity.ERROR).count();
  }

  /** The outcome that HAPI found in an answer that it turned into an exception: ours, which says what is wrong. */
  private static void outcome(BaseServerResponseException error) {
    check(error.getOperationOutcome() instanceof OperationOutcome, error);
    OperationOutcome outcome = (OperationOutcome) error.getOperationOutcome();
    check(errors(outcome) > 0 && outcome.getIssueFirstRep().hasCode() && outcome.getIssueFirstRep().hasDiagnostics(), error);
    check(error.getMessage().contains(outcome.getIssueFirstRep().getDiagnostics()), error.getMessage());
  }

  private <R extends IBaseResource> R example(Class<R> kind, String name) throws Exception {
    return FHIR.newJsonParser().parseResource(kind, Files.readString(examples.resolve(name)));
  }

  private static String token(String scope) throws Exception {
    String root = BASE.substring(0, BASE.length() - "/FHIR/R4".length());
    String form = "grant_type=client_credentials&scope=" + URLEncoder.encode(scope, StandardCharsets.UTF_8);
    String secret = Base64.getEncoder().encodeToString("demo-epr:demo-secret".getBytes(StandardCharsets.UTF_8));
    HttpRequest request = HttpRequest.newBuilder(URI.create(root + "/oauth/token")).header("Authorization", "Basic " + secret)
        .header("Content-Type", "application/x-www-form-urlencoded").POST(HttpRequest.BodyPublishers.ofString(form)).build();
    String answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body();
    return answer.replaceAll("^.*\"access_token\" *: *\"([^\"]+)\".*$", "$1");
  }
}
