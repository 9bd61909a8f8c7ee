//! The parts that touch neither the network nor the database: `cargo bench --bench pure`.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;

use api_fhir::statement_of;
use base::clock::SystemClock;
use base::json;
use config::Sources;
use criterion::Criterion;
use fhir::format::{Format, render, xml};
use fhir::validate::validate;

const DEPTH: usize = 32;
const CONSENT: &str = include_str!("../examples/consent-create.json");
const BY_PROXY: &str = "performer:identifier=https://fhir.nhs.uk/Id/nhs-number|9000000017&status=active\
    &_include=Consent:performer&_include=Consent:patient&_sort=-_lastUpdated&_count=20";

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default().configure_from_args();
    let parsed = json::parse(CONSENT.as_bytes(), DEPTH).map_err(|fault| fault.to_string())?;
    let sources = Sources { sandbox: true, file: None, listen: None, database: None };
    let contract = sources.load().map_err(|_faults| "the settings of the sandbox are wrong")?.contract;
    let written = render(&parsed, Format::Xml, false);

    criterion.bench_function("parse a Consent of JSON", |bench| {
        bench.iter(|| json::parse(black_box(CONSENT.as_bytes()), DEPTH));
    });
    criterion.bench_function("parse a Consent of XML", |bench| {
        bench.iter(|| xml::parse(black_box(&written), DEPTH));
    });
    criterion.bench_function("judge a Consent by the R4 model", |bench| {
        bench.iter(|| fhir_codec::check(fhir_codec::CodecResourceType::Consent, black_box(CONSENT)));
    });
    criterion.bench_function("validate a Consent", |bench| {
        bench.iter(|| validate(black_box(&parsed), "Consent"));
    });
    criterion.bench_function("render a Consent as JSON", |bench| {
        bench.iter(|| render(black_box(&parsed), Format::Json, false));
    });
    criterion.bench_function("render a Consent as XML", |bench| {
        bench.iter(|| render(black_box(&parsed), Format::Xml, false));
    });
    criterion.bench_function("compile a search of Consents", |bench| {
        bench.iter(|| statement_of("Consent", black_box(BY_PROXY), Arc::new(SystemClock), contract));
    });
    criterion.final_summary();
    Ok(())
}
