//! What the server may reach: folders, hosts, addresses.

use ipnet::IpNet;
use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};
use trainyard_types::Problem;
use url::Url;

/// Hosts and folders that sources may be on. None of either by default.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    roots: Vec<PathBuf>,
    hosts: Arc<[HostRule]>,
}

/// `data.example.org`, `*.example.org` (any name below it), `*` (any), each with `=RANGE` where the host stands in a
/// private network: `minio.internal=10.0.0.0/8`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HostRule {
    pattern: String,
    range: Option<IpNet>,
}

impl Rules {
    /// # Errors
    /// A rule can't be read, or a folder isn't there: each is named.
    pub fn new(roots: &[PathBuf], hosts: &[String]) -> Result<Self, Problem> {
        let roots = roots.iter().map(|root| {
            root.canonicalize().ok().filter(|root| root.is_dir()).ok_or_else(|| {
                Problem::invalid(format!("'source_roots' names {}, which is no folder. Correct it.", root.display()))
            })
        });
        let hosts = hosts.iter().map(|text| host_rule(text)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { roots: roots.collect::<Result<_, _>>()?, hosts: hosts.into() })
    }

    pub fn has_roots(&self) -> bool {
        !self.roots.is_empty()
    }

    /// The patterns as configured, ranges left out.
    pub fn hosts(&self) -> Vec<String> {
        self.hosts.iter().map(|rule| rule.pattern.clone()).collect()
    }

    /// The file behind a path, with no link left in it, if it lies below one of the roots.
    ///
    /// # Errors
    /// There are no roots, or the file is not below them. Whether it is there is said only below them.
    pub(crate) fn file(&self, path: &str) -> Result<PathBuf, Problem> {
        if self.roots.is_empty() {
            return Err(Problem::forbidden(
                "This server reads no files of its own. An admin can name folders for it in 'source_roots'.",
            ));
        }
        let outside = || {
            Problem::forbidden(
                "That path is not below one of the server's source folders. Choose a file there, or ask an admin to add \
                 its folder to 'source_roots'.",
            )
        };
        let given = Path::new(path.trim());
        // What a path that leads out would say of files outside is nobody's business.
        let below = |path: &Path| self.roots.iter().any(|root| path.starts_with(root));
        let plain = given.is_absolute() && !given.components().any(|part| part.as_os_str() == "..");
        let real = match given.canonicalize() {
            Ok(real) if below(&real) => real,
            Ok(_) => return Err(outside()),
            Err(_) if plain && below(given) => {
                return Err(Problem::not_found(format!("There is no file {} on the server.", given.display())));
            }
            Err(_) => return Err(outside()),
        };
        if !real.is_file() {
            return Err(Problem::invalid(format!("{} is no file. Name a file.", given.display())));
        }
        Ok(real)
    }

    /// What a host may be reached at.
    ///
    /// # Errors
    /// No rule allows it.
    pub(crate) fn host(&self, host: &str) -> Result<Permit, Problem> {
        let name = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        let mut rules = self.hosts.iter().filter(|rule| rule.fits(&name)).peekable();
        if rules.peek().is_none() {
            return Err(Problem::forbidden(format!(
                "The host '{name}' is not on this server's list of sources. An admin can add it to 'source_hosts'."
            )));
        }
        Ok(Permit { ranges: rules.filter_map(|rule| rule.range).collect(), name })
    }

    /// Checks an address's scheme and host. A host given as an IP address is checked here, a name when it is resolved.
    ///
    /// # Errors
    /// In words, why it may not be fetched.
    pub(crate) fn url(&self, url: &Url) -> Result<(), Problem> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Problem::field("url", "The address has to begin with http:// or https://."));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Problem::field(
                "url",
                "Names and passwords can't stand in the address: it is shown to others. Take them out.",
            ));
        }
        let host = url.host_str().ok_or_else(|| Problem::field("url", "The address names no host."))?;
        let permit = self.host(host)?;
        match url.host() {
            Some(url::Host::Ipv4(ip)) => permit.address(ip.into()),
            Some(url::Host::Ipv6(ip)) => permit.address(ip.into()),
            _ => Ok(()),
        }
    }

    /// The addresses of a host, all of which may be reached.
    ///
    /// # Errors
    /// No rule allows the host, it has no address, or one that may not be reached.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Problem> {
        let permit = self.host(host)?;
        let found = tokio::net::lookup_host((permit.name.as_str(), port)).await.map_err(|_| {
            Problem::invalid(format!("The host '{}' is not known. Check how it is written.", permit.name))
        })?;
        let found: Vec<SocketAddr> = found.collect();
        if found.is_empty() {
            return Err(Problem::invalid(format!("The host '{}' has no address.", permit.name)));
        }
        found.iter().try_for_each(|address| permit.address(address.ip()))?;
        Ok(found)
    }

    /// A client that connects only to what may be reached, follows no redirect and uses no proxy.
    pub(crate) fn client(&self) -> Result<reqwest::Client, Problem> {
        reqwest::Client::builder()
            .dns_resolver(Arc::new(Resolver(self.clone())))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("trainyard/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(std::time::Duration::from_secs(10))
            .read_timeout(std::time::Duration::from_secs(60))
            .build()
            .map_err(|error| Problem::internal(format!("No client for sources: {}.", chain(&error))))
    }
}

fn host_rule(text: &str) -> Result<HostRule, Problem> {
    let wrong = |why: &str| {
        Problem::invalid(format!(
            "'source_hosts' has '{text}', {why}. Write a host such as data.example.org, *.example.org, or with its \
             private network minio.internal=10.0.0.0/8."
        ))
    };
    let (pattern, range) = match text.trim().split_once('=') {
        Some((pattern, range)) => {
            let range = range.trim();
            let net = range.parse::<IpNet>().or_else(|_| range.parse::<IpAddr>().map(IpNet::from));
            (pattern.trim(), Some(net.map_err(|_| wrong("whose range can't be read"))?))
        }
        None => (text.trim(), None),
    };
    let pattern = pattern.trim_matches(['[', ']']).to_ascii_lowercase();
    let bare = pattern.strip_prefix("*.").unwrap_or(if pattern == "*" { "any" } else { &pattern });
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if bare.is_empty() || !bare.chars().all(plain) || bare.starts_with('.') || pattern.contains("//") {
        return Err(wrong("which is no host name"));
    }
    Ok(HostRule { pattern, range })
}

impl HostRule {
    fn fits(&self, name: &str) -> bool {
        match self.pattern.strip_prefix('*') {
            Some("") => true,
            Some(ending) => name.len() > ending.len() && name.ends_with(ending),
            None => self.pattern == name,
        }
    }
}

/// A host that may be reached.
pub(crate) struct Permit {
    name: String,
    ranges: Vec<IpNet>,
}

impl Permit {
    /// # Errors
    /// The address is of this machine, a private network or a service of the cloud, and no rule names it.
    pub(crate) fn address(&self, ip: IpAddr) -> Result<(), Problem> {
        let ip = ip.to_canonical();
        if !never(ip) && (is_public(ip) || self.ranges.iter().any(|range| range.contains(&ip))) {
            return Ok(());
        }
        let advice = if never(ip) {
            "That address is never fetched from."
        } else {
            "If that is meant, an admin can allow it with its network in 'source_hosts', such as HOST=10.0.0.0/8."
        };
        Err(Problem::forbidden(format!(
            "The host '{}' stands in a network that is not public, so it was not contacted. {advice}",
            self.name
        )))
    }
}

/// Addresses that no rule opens: the cloud's metadata services, groups, and no address at all.
fn never(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            ip == Ipv4Addr::new(169, 254, 169, 254)
                || ip == Ipv4Addr::new(100, 100, 100, 200)
                || ip.is_unspecified()
                || ip.is_broadcast()
                || ip.is_multicast()
        }
        IpAddr::V6(ip) => {
            ip == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254) || ip.is_unspecified() || ip.is_multicast()
        }
    }
}

/// Whether an address is one of the public internet (IANA's special-purpose registries, RFC 6890).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => {
            let s = ip.segments();
            let embedded = match s {
                // Mapped, compatible, NAT64 and 6to4 addresses are what they hold.
                [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some((s[6], s[7])),
                [0x2002, high, low, ..] => Some((high, low)),
                _ => None,
            };
            if let Some((high, low)) = embedded {
                return is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
            }
            // 2000::/3 is what is given out; Teredo and other special uses, and documentation, are taken out.
            (s[0] & 0xe000) == 0x2000
                && !(s[0] == 0x2001 && s[1] < 0x0200)
                && !(s[0] == 0x2001 && s[1] == 0x0db8)
                && !(s[0] == 0x3fff && s[1] < 0x1000)
        }
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(a == 0
        || a >= 224
        || ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_documentation()
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19)))
}

/// Resolves names for a client. The client connects to the addresses given here and to no others.
struct Resolver(Rules);

impl reqwest::dns::Resolve for Resolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let rules = self.0.clone();
        Box::pin(async move {
            let found = rules.resolve(name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

/// The problem that a rule made, within a client's error.
pub(crate) fn refusal(error: &(dyn Error + 'static)) -> Option<Problem> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(problem) = error.downcast_ref::<Problem>() {
            return Some(problem.clone());
        }
        at = error.source();
    }
    None
}

/// An error with its causes, each once, without addresses (their query may hold a secret).
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut at = Some(error);
    while let Some(error) = at {
        let text = error.to_string();
        let text = text.split(" for url").next().unwrap_or_default().to_owned();
        if !texts.iter().any(|seen| seen.contains(&text)) {
            texts.push(text);
        }
        at = error.source();
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rules(hosts: &[&str]) -> Rules {
        Rules::new(&[], &hosts.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn nothing_is_allowed_unless_it_is_named() {
        let problem = rules(&[]).url(&Url::parse("https://example.org/a.csv").unwrap()).unwrap_err();
        assert!(problem.message.contains("source_hosts"), "{}", problem.message);
        let rules = rules(&["data.example.org", "*.example.net"]);
        for (url, allowed) in [
            ("https://data.example.org/a", true),
            ("https://DATA.example.org./a", true),
            ("https://x.data.example.org/a", false),
            ("https://a.b.example.net/", true),
            ("https://example.net/", false),
            ("https://evilexample.net/", false),
            ("ftp://data.example.org/", false),
            ("file:///etc/passwd", false),
            ("https://user:pw@data.example.org/", false),
            ("https://data.example.org@evil.org/", false),
        ] {
            assert_eq!(rules.url(&Url::parse(url).unwrap()).is_ok(), allowed, "{url}");
        }
    }

    #[test]
    fn addresses_that_are_not_public_are_refused_however_they_are_written() {
        let rules = rules(&["*"]);
        for host in [
            "127.0.0.1",
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.2.1",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[ff02::1]",
            "[::127.0.0.1]",
            "[2001:db8::1]",
            "[2001::1]",
        ] {
            let url = Url::parse(&format!("http://{host}/x")).unwrap();
            assert!(rules.url(&url).is_err(), "{host}");
        }
        for host in ["93.184.215.14", "[2606:2800:21f:cb07::1]", "[64:ff9b::5db8:d70e]"] {
            assert!(rules.url(&Url::parse(&format!("http://{host}/x")).unwrap()).is_ok(), "{host}");
        }
    }

    #[test]
    fn a_private_network_is_reached_only_by_the_host_it_is_named_for() {
        let rules = rules(&["10.0.0.5=10.0.0.0/8", "*", "169.254.169.254=169.254.0.0/16"]);
        let ok = |host: &str| rules.url(&Url::parse(&format!("http://{host}/")).unwrap()).is_ok();
        assert!(ok("10.0.0.5"));
        assert!(!ok("10.0.0.6"));
        assert!(!ok("169.254.169.254"), "the metadata service is never opened");
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused_when_it_is_resolved() {
        let problem = rules(&["*"]).resolve("localhost", 80).await.unwrap_err();
        assert!(problem.message.contains("not public"), "{}", problem.message);
        assert!(rules(&["localhost=127.0.0.0/8", "localhost=::1"]).resolve("localhost", 80).await.is_ok());
    }

    #[test]
    fn wrong_rules_are_named() {
        for text in ["", "https://x.org", "a b", "x=10.0.0.0/64", "*."] {
            assert!(Rules::new(&[], &[text.to_owned()]).is_err(), "{text}");
        }
        assert!(Rules::new(&["/no/such/folder".into()], &[]).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn files_stay_below_the_roots_and_links_do_not_lead_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("data");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(root.join("a.csv"), "a\n1\n").unwrap();
        std::fs::write(folder.path().join("secret.csv"), "a\n1\n").unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret.csv"), root.join("out.csv")).unwrap();
        std::os::unix::fs::symlink(root.join("a.csv"), root.join("in.csv")).unwrap();
        let rules = Rules::new(std::slice::from_ref(&root), &[]).unwrap();
        let code = |path: &Path| rules.file(path.to_str().unwrap()).map_err(|p| p.code);
        use trainyard_types::Code::*;
        assert!(code(&root.join("a.csv")).is_ok());
        assert!(code(&root.join("in.csv")).is_ok());
        assert_eq!(code(&root.join("none.csv")), Err(NotFound));
        assert_eq!(code(&root.join("out.csv")), Err(Forbidden));
        assert_eq!(code(&root.join("../secret.csv")), Err(Forbidden));
        assert_eq!(code(&folder.path().join("secret.csv")), Err(Forbidden));
        assert_eq!(code(Path::new("/etc/passwd")), Err(Forbidden));
        assert_eq!(code(Path::new("/etc/no-such-file")), Err(Forbidden), "not even whether it is there");
        assert_eq!(code(&root), Err(Invalid));
        let problem = Rules::default().file("/etc/passwd").unwrap_err();
        assert!(problem.message.contains("source_roots"));
    }
}
