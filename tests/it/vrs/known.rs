//! People and roles of the sandbox data that the tests of this API use.

use uuid::Uuid;

/// A proxy with six roles and two verified relationships.
pub const MOTHER: &str = "9000000017";
/// A patient of hers, a child of hers, and the proxy of a reverse relationship.
pub const CHILD: &str = "9000000009";
/// A child of hers with a verified relationship and no role.
pub const SON: &str = "9000000025";
/// A person with neither relationships nor roles.
pub const LONER: &str = "9000000033";
/// A person without a practice and without roles. Not modulus-11.
pub const NO_PRACTICE: &str = "9000000012";
/// The proxy of the roles below.
pub const PROXY: &str = "9991001018";
/// Their patients, in the order of the roles.
pub const PATIENTS: [&str; 16] = [
    "9992000015",
    "9992000023",
    "9992000031",
    "9992000244",
    "9992000058",
    "9992000066",
    "9992000074",
    "9992000082",
    "9992000090",
    "9992000104",
    "9992000112",
    "9992000120",
    "9992000139",
    "9992000147",
    "9992000155",
    "9992000163",
];
/// Modulus-11 numbers of no person.
pub const NOBODY: [&str; 2] = ["9000000041", "1000000001"];

/// Active, of [`MOTHER`] for [`CHILD`], until 2099.
pub const MOTHERS_ROLE: &str = "986b2cfe-a9a7-517c-84fc-05d40298b1b3";
/// Active without an end, for `PATIENTS[0]`.
pub const ACTIVE: &str = "6b71ac92-baa3-4b76-b0f5-a601257e2722";
/// Rejected, for `PATIENTS[1]`.
pub const REJECTED: &str = "43003db8-ffcd-4bd6-ab2f-b49b9656f9e5";
/// Active until 2099, for `PATIENTS[2]`.
pub const ENDING: &str = "849ea584-2318-471b-a24c-cee1b5ad0137";
/// Inactive at the patient's request, for `PATIENTS[11]`.
pub const INACTIVE: &str = "90957744-b971-496e-b7c3-ab971868ce14";
/// Proposed, of [`MOTHER`]. Its patient is not modulus-11.
pub const PROPOSED: &str = "bce64020-800d-52f9-8d39-fabe4d11c8a3";
/// More active roles of [`PROXY`], until 2099.
pub const MORE_ACTIVE: [&str; 8] = [
    "01abb0c5-b1ac-499d-9655-9cd0b8d3588f",
    "78c35330-fa2f-4934-a5dd-fff847f38de5",
    "51fb4df5-815a-45cd-8427-04d6558336b7",
    "7b7f47b8-96e5-43eb-b733-283bf1449f2c",
    "d4e8a6f2-1c3b-4a7e-9d2f-8b5c7e9f1a3d",
    "a1b2c3d4-e5f6-4789-a0b1-c2d3e4f5a6b7",
    "b2c3d4e5-f6a7-4890-b1c2-d3e4f5a6b7c8",
    "c3d4e5f6-a7b8-4901-c2d3-e4f5a6b7c8d9",
];
/// The access request of 9000000005 for 9000000006.
pub const ACCESS_REQUEST: &str = "156e1560-e532-4e2a-85ad-5aeff03dc43e";
/// UUIDs of no resource.
pub const NO_SUCH_ID: &str = "a0922245-1072-40c3-8f4e-a7490c10d365";

/// The path of a role.
pub fn consent(id: &str) -> String {
    format!("/Consent/{id}")
}

/// The id of a role.
pub fn id(text: &str) -> Uuid {
    Uuid::parse_str(text).expect("a UUID")
}
