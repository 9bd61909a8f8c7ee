//! `[contract]`: the choice where published sources disagree.

use crate::reader::Reader;
use domain::person::NumberCheck;
use domain::proxy::{Lifecycle, ReasonCheck, Rules};
use service::policy::StaffReach;
use service::proxy::SubmissionRules;

/// The switches of the VRS contract. `default.toml` describes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "default.toml documents every key")]
pub struct Contract {
    pub nhs_number_check: NumberCheck,
    /// `status_reason` and `proposed_lifecycle`.
    pub rules: Rules,
    pub access_request_creates_role: bool,
    /// 0: no limit.
    pub open_requests_per_applicant: u32,
    /// 0: no limit.
    pub open_requests_per_pair: u32,
    pub status_for_bad_path: u16,
    pub status_for_bad_id: u16,
    pub relaxed_reason_names: bool,
    pub hide_strangers: bool,
    pub staff_reach: StaffReach,
}

impl Contract {
    pub(crate) fn read(reader: &mut Reader) -> Option<Self> {
        let nhs_number_check = reader.choice(
            "contract.nhs_number_check",
            &[("modulus-11", NumberCheck::Modulus11), ("length", NumberCheck::Length)],
        );
        let reasons = reader.choice(
            "contract.status_reason",
            &[("by-transition", ReasonCheck::ByTransition), ("known-code", ReasonCheck::KnownCode)],
        );
        let proposed = reader.switch("contract.proposed_lifecycle");
        let access_request_creates_role = reader.switch("contract.access_request_creates_role");
        if access_request_creates_role == Some(true) && proposed == Some(false) {
            reader.fault("contract.access_request_creates_role", "needs contract.proposed_lifecycle = true");
        }
        let per_applicant = reader.number("contract.open_requests_per_applicant", 0..=1_000_000);
        let per_pair = reader.number("contract.open_requests_per_pair", 0..=1_000_000);
        let status_for_bad_path = status(reader, "contract.status_for_bad_path");
        let status_for_bad_id = status(reader, "contract.status_for_bad_id");
        let relaxed_reason_names = reader.switch("contract.relaxed_reason_names");
        let hide_strangers = reader.switch("contract.hide_strangers");
        let staff_reach = staff_reach(reader, "contract.staff_reach");
        let lifecycle = if proposed? { Lifecycle::WithApplications } else { Lifecycle::Decisions };
        Some(Self {
            nhs_number_check: nhs_number_check?,
            rules: Rules { lifecycle, reasons: reasons? },
            access_request_creates_role: access_request_creates_role?,
            open_requests_per_applicant: per_applicant?,
            open_requests_per_pair: per_pair?,
            status_for_bad_path: status_for_bad_path?,
            status_for_bad_id: status_for_bad_id?,
            relaxed_reason_names: relaxed_reason_names?,
            hide_strangers: hide_strangers?,
            staff_reach: staff_reach?,
        })
    }
}

impl Contract {
    /// The settings of access requests.
    pub fn submission_rules(&self) -> SubmissionRules {
        SubmissionRules {
            proposes: self.access_request_creates_role.then_some(self.rules),
            most_open: self.open_requests_per_applicant.into(),
            most_open_of_pair: self.open_requests_per_pair.into(),
        }
    }
}

fn status(reader: &mut Reader, key: &str) -> Option<u16> {
    let status = reader.number(key, 400..=422)?;
    if status != 400 && status != 422 {
        reader.fault(key, "must be 400 or 422");
    }
    u16::try_from(status).ok()
}

/// `contract.staff_reach` and `access.staff_reach`.
pub(super) fn staff_reach(reader: &mut Reader, key: &str) -> Option<StaffReach> {
    reader.choice(key, &[("practice", StaffReach::Practice), ("everyone", StaffReach::Everyone)])
}
