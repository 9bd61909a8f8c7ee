//! Whether an address belongs to the public internet. Requests to a URL that a client has named must not
//! reach this server's own network: the name is resolved first, and each address checked. The ranges are
//! those of IANA's registries of special-purpose addresses (RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 ranges that are not public: the first address, and the length of the common prefix.
const NOT_PUBLIC_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Link-local; the metadata of cloud machines is at 169.254.169.254.
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast, reserved, and broadcast.
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// IPv6 ranges that are not public, alike.
const NOT_PUBLIC_V6: &[([u16; 8], u32)] = &[
    // Also `::`, `::1` and the old form of an IPv4 address in an IPv6 one, all of them obsolete or local.
    ([0, 0, 0, 0, 0, 0, 0, 0], 96),
    // Translation of a private network's own (RFC 8215).
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
    // Discard only (RFC 6666).
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64),
    // Teredo: a tunnel to an IPv4 address that is obfuscated.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 32),
    // Documentation.
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
    // Unique local, link-local, the deprecated site-local, multicast.
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
];

/// Whether an address is on the public internet: not private, not of this machine or link, not multicast, not
/// reserved. An IPv6 address that embeds an IPv4 one (mapped, NAT64, 6to4) is judged by that.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match carried(address) {
            Some(within) => is_public_v4(within),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !NOT_PUBLIC_V4.iter().any(|(first, shared)| {
        let differ = bits ^ Ipv4Addr::from(*first).to_bits();
        differ.leading_zeros() >= *shared
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    !NOT_PUBLIC_V6.iter().any(|(first, shared)| {
        let differ = bits ^ Ipv6Addr::from(*first).to_bits();
        differ.leading_zeros() >= *shared
    })
}

/// The IPv4 address that is embedded in an IPv6 one.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let within = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(within(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::is_public;

    #[test]
    fn the_first_and_the_last_address_of_each_special_range_are_not_public() {
        let special = [
            "0.0.0.0 0.255.255.255",
            "10.0.0.0 10.255.255.255",
            "100.64.0.0 100.127.255.255",
            "127.0.0.1 127.255.255.255",
            "169.254.0.0 169.254.169.254 169.254.255.255",
            "172.16.0.0 172.31.255.255",
            "192.0.0.0 192.0.0.255",
            "192.0.2.0 192.0.2.255",
            "192.168.0.0 192.168.255.255",
            "198.18.0.0 198.19.255.255",
            "198.51.100.0 198.51.100.255",
            "203.0.113.0 203.0.113.255",
            "224.0.0.0 239.255.255.255",
            "240.0.0.0 255.255.255.255",
            ":: ::1 ::127.0.0.1 ::ffff",
            "fc00:: fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "fe80:: febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "fec0:: feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "ff00:: ff02::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 3fff::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2 100::1 64:ff9b:1::1",
        ];
        for address in special.iter().flat_map(|range| range.split(' ')) {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn the_neighbours_of_the_special_ranges_are_public() {
        let public = "1.0.0.0 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 \
                      128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 \
                      192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 \
                      198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255 \
                      2606:4700:4700::1111 2a00:1450:4009::1 2001:4860:4860::8888 2001:db7::1 2001:db9::1";
        for address in public.split_whitespace() {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn ipv6_address_with_embedded_ipv4_is_judged_by_the_ipv4() {
        let forms = |v4: [u8; 4]| {
            let [a, b, c, d] = v4;
            let hex = format!("{a:02x}{b:02x}:{c:02x}{d:02x}");
            [format!("::ffff:{hex}"), format!("64:ff9b::{hex}"), format!("2002:{hex}::1")]
        };
        for address in forms([127, 0, 0, 1]).iter().chain(&forms([169, 254, 169, 254])) {
            assert!(!is_public(address.parse::<IpAddr>().unwrap()), "{address}");
        }
        for address in forms([8, 8, 8, 8]) {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
