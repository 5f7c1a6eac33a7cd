//! Keys and certificates in PEM, for tests.

use zeroize::Zeroizing;

use super::pem::{blocks, only};

pub(super) const RSA_SPKI: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArp3CIo8sMY+9UfYPTQzv
GVNveyp6+61N8jdcRc6qgnN4ZdZhqAfnM7CK36MiI1SDpNdxOBRN7rQETU6WJHHA
8qnjI8D+RBgxzZxmFhLhLm9WDIZqhaQcn3F197keqmyaWtAfaRG3nf+mJooMb1DR
yMlQFge+19rNfPnRIv6HmpWxu+KfCxP3Cnz+Rwxnpx2+zGN3LnX9T2zi64byGFvr
NZ/BrQGTE9B2FIPms0eR31aMxoU+W/TnrCMhJNsKLn8quL0rL5drbNS/vB0jmlAX
m4daO59xlnERFYZfdRg+HHOhGT81BRaNdCKSo+S9+piA6ZFlXmJQp46MVxNOZYPd
ywIDAQAB
-----END PUBLIC KEY-----";

pub(super) const RSA_PKCS1: &str = "\
-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEArp3CIo8sMY+9UfYPTQzvGVNveyp6+61N8jdcRc6qgnN4ZdZhqAfn
M7CK36MiI1SDpNdxOBRN7rQETU6WJHHA8qnjI8D+RBgxzZxmFhLhLm9WDIZqhaQc
n3F197keqmyaWtAfaRG3nf+mJooMb1DRyMlQFge+19rNfPnRIv6HmpWxu+KfCxP3
Cnz+Rwxnpx2+zGN3LnX9T2zi64byGFvrNZ/BrQGTE9B2FIPms0eR31aMxoU+W/Tn
rCMhJNsKLn8quL0rL5drbNS/vB0jmlAXm4daO59xlnERFYZfdRg+HHOhGT81BRaN
dCKSo+S9+piA6ZFlXmJQp46MVxNOZYPdywIDAQAB
-----END RSA PUBLIC KEY-----";

pub(super) const P256_SPKI: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEClkmejVXmLX6kGMxWZXgOW5Nhc5o
HN7z/2P/9tb4ezHHmq1jfgirSdAnIgmP/f/2Rck801USweTFkI+sFI9v3w==
-----END PUBLIC KEY-----";

pub(super) const P256_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBbDCCAROgAwIBAgIUSTF2levMN/fGItNkNt/UeZSRbU0wCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYTAeFw0yNjExMjEyMTMxMDVaFw0yNjExMjIyMTMxMDVaMAwx
CjAIBgNVBAMMAWEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQKWSZ6NVeYtfqQ
YzFZleA5bk2Fzmgc3vP/Y//21vh7McearWN+CKtJ0CciCY/9//ZFyTzTVRLB5MWQ
j6wUj2/fo1MwUTAdBgNVHQ4EFgQUYqCXtpr7zRxA1Uf3Iqf5+jBSkccwHwYDVR0j
BBgwFoAUYqCXtpr7zRxA1Uf3Iqf5+jBSkccwDwYDVR0TAQH/BAUwAwEB/zAKBggq
hkjOPQQDAgNHADBEAiBYi/wSO4FxrJlHbiBICCy90JNYWNcTrsCl52BhBXu7cgIg
M92cMv8CzWnxHy4j7RXPQ+1+O3Q5jcwu0bB3L2vx7mA=
-----END CERTIFICATE-----";

pub(super) const K256_SPKI: &str = "\
-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAE67UrFRMdSpGBct0QaHO2hj2BJCqJEykM
imPFt6FShbmmOUiPX3rHdX4eEbCfbtHSKlZMG0f3nsswDfFG74NPvQ==
-----END PUBLIC KEY-----";

pub(super) const ED25519_SPKI: &str = "\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAxkB1KCrMT+rLA6I0leLQNE8p20JNXqdZJ3PNq20b/h4=
-----END PUBLIC KEY-----";

/// Decodes the only block.
pub(super) fn content(text: &str) -> Zeroizing<Vec<u8>> {
    only(&blocks(text.as_bytes()).unwrap()).unwrap().decode().unwrap()
}
