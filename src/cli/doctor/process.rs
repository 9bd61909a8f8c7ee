//! Checks of the process: the limit of open files, and the certificate.

use chrono::TimeDelta;

use crate::doctor::report::DoctorReport;
use base::clock::Clock;
use config::{Config, TlsFiles};
use server::Certificate;

/// How long before its end a certificate should be replaced.
const SOON: TimeDelta = TimeDelta::days(30);

pub(super) fn examine(config: &Config, clock: &dyn Clock, report: &mut DoctorReport) {
    files(config, report);
    if let Some(tls) = &config.server.tls {
        certificate(config, tls, clock, report);
    }
}

fn files(config: &Config, report: &mut DoctorReport) {
    let (wanted, possible) = (config.server.connections, server::possible_connections());
    let has_room = u64::try_from(wanted).is_ok_and(|wanted| wanted <= possible);
    if has_room {
        return report.ok("files", format!("the limit of open files allows {wanted} connections"));
    }
    report.warning(
        "files",
        format!("the limit of open files allows {possible} connections of server.connections = {wanted}"),
        "raise it: LimitNOFILE= of systemd, `ulimit -Hn` of a shell, nofile of a container",
    );
}

fn certificate(config: &Config, tls: &TlsFiles, clock: &dyn Clock, report: &mut DoctorReport) {
    let Certificate { ends_at, names } = match server::read_certificate(tls) {
        Ok(read) => read,
        Err(error) => {
            let mend = "set server.tls_certificate and server.tls_key to PEM files of one key pair";
            return report.wrong("certificate", error.to_string(), mend);
        }
    };
    let left = ends_at - clock.now();
    let days = left.num_days();
    if left <= TimeDelta::zero() {
        report.wrong("certificate", format!("it expired {} days ago", -days), "replace it");
    } else if left < SOON {
        report.warning("certificate", format!("it expires in {days} days"), "replace it, and restart");
    } else {
        report.ok("certificate", format!("it belongs to the key, and is valid for {days} days"));
    }
    let url = config.server.public_url.as_deref().unwrap_or_default();
    let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    if let Some(host) = host.filter(|host| !names.fit(host)) {
        let mend = "get a certificate for this name, or correct server.public_url";
        report.wrong(
            "certificate",
            format!("it is not valid for {host}, the host of server.public_url"),
            mend,
        );
    }
}
