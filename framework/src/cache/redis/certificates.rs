//! What `rediss://` needs besides the address: the certificates of `OPTIONS`, by redis-py's names.

use std::fs;
use std::path::Path;

use redis::cluster::ClusterClientBuilder;
use redis::{Client, ConnectionInfo, RedisResult};

use crate::cache::options::OptionReader;

/// The certificates, in PEM form; none: those that the system trusts.
#[derive(Clone, Default)]
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "there is no TLS to use them for"))]
pub(super) struct Certificates {
    /// `ssl_ca_certs`: who may have signed the server's.
    root: Option<Vec<u8>>,
    /// `ssl_certfile` and `ssl_keyfile`: how we show who we are.
    client: Option<(Vec<u8>, Vec<u8>)>,
}

impl Certificates {
    /// Reads the files; relative names start from `base`.
    pub(super) fn read(options: &mut OptionReader<'_>, base: &Path) -> Self {
        let mut file = |name: &'static str| {
            let path = base.join(options.text(name)?);
            match fs::read(&path) {
                Ok(text) => Some(text),
                Err(error) => {
                    let place = format!("OPTIONS.{name}");
                    options.fault(
                        &place,
                        format!("{}: {error}.", path.display()),
                        "Name a file in PEM form.",
                    );
                    None
                }
            }
        };
        let (root, cert, key) = (file("ssl_ca_certs"), file("ssl_certfile"), file("ssl_keyfile"));
        Self { root, client: cert.zip(key) }
    }

    /// A client of that server.
    pub(super) fn client(&self, info: ConnectionInfo) -> RedisResult<Client> {
        #[cfg(feature = "tls")]
        if matches!(info.addr(), redis::ConnectionAddr::TcpTls { .. }) && !self.is_empty() {
            return Client::build_with_tls(info, self.in_redis_form());
        }
        Client::open(info)
    }

    /// A cluster's client with them.
    #[cfg_attr(not(feature = "tls"), expect(clippy::unused_self, reason = "there is no TLS to use them for"))]
    pub(super) fn of_cluster(&self, builder: ClusterClientBuilder) -> ClusterClientBuilder {
        #[cfg(feature = "tls")]
        if !self.is_empty() {
            return builder.certs(self.in_redis_form());
        }
        builder
    }

    #[cfg(feature = "tls")]
    const fn is_empty(&self) -> bool {
        self.root.is_none() && self.client.is_none()
    }

    #[cfg(feature = "tls")]
    fn in_redis_form(&self) -> redis::TlsCertificates {
        let client = self.client.clone();
        redis::TlsCertificates {
            client_tls: client
                .map(|(client_cert, client_key)| redis::ClientTlsConfig { client_cert, client_key }),
            root_cert: self.root.clone(),
        }
    }
}
