//! A remote signer on a hardware security module: SoftHSM, by PKCS#11.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_lc_rs::digest;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::MechanismType;
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use jwt_core::crypto::{RemoteSigner, SigningKey};
use jwt_core::issue::{KeyRing, MemorySessions, Sessions, TokenIssuer};
use jwt_core::{Algorithm, ErrorKind, Verifier};
use jwt_tests::forge::{AUDIENCE, ISSUER};
use jwt_tests::setup::stranger;

const LIBRARY: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "1234";
/// The folder of the token, for the process that uses it.
const FOLDER: &str = "JWT_TEST_TOKEN";

/// The module, and a session with it. PKCS#11 blocks its thread.
#[derive(Clone)]
struct Hsm(Pkcs11, Arc<Mutex<Option<Session>>>);

impl Hsm {
    fn open() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let module = Pkcs11::new(LIBRARY)?;
        module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
        Ok(Self(module, Arc::default()))
    }

    fn log_in(&self) -> Result<Session, Box<dyn Error + Send + Sync>> {
        let slot = *self.0.get_slots_with_initialized_token()?.first().ok_or("no token")?;
        let session = self.0.open_ro_session(slot)?;
        session.login(UserType::User, Some(&AuthPin::new(PIN.into())))?;
        Ok(session)
    }

    fn sign_now(
        &self,
        id: &[u8],
        algorithm: Algorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let mut held = self.1.lock().map_err(|_| "another signature has panicked")?;
        // After a failure the session may be lost or logged out. The next signature opens another.
        let session = held.take().map_or_else(|| self.log_in(), Ok)?;
        let signature = Self::sign_in(&session, id, algorithm, message)?;
        *held = Some(session);
        Ok(signature)
    }

    fn sign_in(
        session: &Session,
        id: &[u8],
        algorithm: Algorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let keys = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(id.to_vec())])?;
        let key = *keys.first().ok_or("no such key")?;
        Ok(match algorithm {
            // This version of SoftHSM signs only hashes with ECDSA.
            Algorithm::ES256 => {
                session.sign(&Mechanism::Ecdsa, key, digest::digest(&digest::SHA256, message).as_ref())?
            }
            Algorithm::RS256 => session.sign(&Mechanism::Sha256RsaPkcs, key, message)?,
            Algorithm::PS256 => {
                let (hash_alg, mgf) = (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256);
                let parameters = PkcsPssParams { hash_alg, mgf, s_len: 32.into() };
                session.sign(&Mechanism::Sha256RsaPkcsPss(parameters), key, message)?
            }
            _ => return Err("no such algorithm".into()),
        })
    }
}

impl std::fmt::Debug for Hsm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hsm").finish_non_exhaustive()
    }
}

#[async_trait]
impl RemoteSigner for Hsm {
    async fn sign(
        &self,
        key_id: &str,
        algorithm: Algorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let (this, id, message) = (self.clone(), key_id.as_bytes().to_vec(), message.to_vec());
        let signing = tokio::task::spawn_blocking(move || this.sign_now(&id, algorithm, &message));
        signing.await?
    }
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Creates a token with these keys, and runs this test again in a process that uses it.
fn run_with_token(test: &str, keys: &[(&str, SigningKey)]) {
    let folder = Folder(std::env::temp_dir().join(format!("jwt-pkcs11-{}", std::process::id())));
    fs::create_dir_all(folder.0.join("tokens")).expect("a folder");
    let settings = folder.0.join("softhsm2.conf");
    let tokens = folder.0.join("tokens");
    fs::write(&settings, format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display()))
        .expect("a file");
    let util = |arguments: &[&str]| {
        let output = Command::new("softhsm2-util").args(arguments).env("SOFTHSM2_CONF", &settings).output();
        let output = output.expect("softhsm2 is installed");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    util(&["--init-token", "--free", "--label", "jwt", "--so-pin", "5678", "--pin", PIN]);
    for (id, key) in keys {
        // The import reads what this crate exports.
        let file = folder.0.join("key.pem");
        fs::write(&file, key.export_pkcs8_pem().expect("a key pair").as_bytes()).expect("a file");
        let (file, id) = (file.display().to_string(), id.bytes().map(|byte| format!("{byte:02x}")).collect::<String>());
        util(&["--import", &file, "--token", "jwt", "--label", "tokens", "--id", &id, "--pin", PIN]);
        fs::remove_file(file).expect("a file");
        let public = key.public_jwk().expect("a key pair");
        fs::write(folder.0.join(format!("{id}.json")), public.to_string()).expect("a file");
    }
    let mut process = Command::new(std::env::current_exe().expect("this program"));
    process.args([test, "--exact", "--ignored", "--nocapture"]).env("SOFTHSM2_CONF", &settings).env(FOLDER, &folder.0);
    assert!(process.status().expect("a process").success());
}

#[tokio::test]
#[ignore = "needs softhsm2"]
async fn keys_in_a_hardware_security_module_sign_tokens_and_rotate() {
    let keys = [("ec", Algorithm::ES256), ("rsa", Algorithm::RS256), ("pss", Algorithm::PS256)];
    let Some(folder) = std::env::var_os(FOLDER) else {
        let keys = keys.map(|(id, algorithm)| (id, stranger(algorithm)));
        return run_with_token("keys_in_a_hardware_security_module_sign_tokens_and_rotate", &keys);
    };
    let hsm = Arc::new(Hsm::open().expect("a module"));
    let public = |id: &str| {
        let file = id.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        let jwk = fs::read_to_string(PathBuf::from(&folder).join(format!("{file}.json"))).expect("a file");
        jwt_core::keys::Key::from_jwk(&jwk).expect("a public key")
    };
    let remote = |id: &str, named: &str, algorithm| {
        SigningKey::remote(algorithm, &public(id), named, hsm.clone()).expect("a key")
    };
    let ring = KeyRing::new(remote("ec", "ec", Algorithm::ES256)).expect("a ring");
    let tokens = TokenIssuer::builder(ISSUER, ring.clone()).audience(AUDIENCE).build().expect("an issuer");
    let verifier = Verifier::builder().issuer(tokens.trusted()).build().expect("a verifier");
    let sessions = Sessions::builder(tokens.clone(), MemorySessions::new()).build().expect("sessions");
    let mut pair = sessions.login("joe").start().await.expect("a login");
    let mut kids = Vec::new();
    for (id, algorithm) in keys {
        // The first key is in the ring already.
        if id != "ec" {
            ring.rotate_at(remote(id, id, algorithm), std::time::Duration::from_secs(kids.len() as u64))
                .expect("a key");
        }
        let token = sessions.verify(&pair.refresh.token).await.expect("a refresh token");
        pair = sessions.refresh(&token).await.expect("the next pair");
        let verified = verifier.verify(&pair.access.token).await.expect("good");
        kids.push(verified.key_id().expect("a kid").to_owned());
        assert_eq!(kids.last().map(String::as_str), Some(&*ring.signing_kid()));
    }
    kids.dedup();
    assert_eq!(kids.len(), 3, "each key has signed");

    // The session is logged out. One request fails, its refresh token stays good, and the next one logs in again.
    hsm.1.lock().expect("no panic").as_ref().expect("a session").logout().expect("a login");
    let token = sessions.verify(&pair.refresh.token).await.expect("a refresh token");
    assert_eq!(sessions.refresh(&token).await.expect_err("no login").kind(), ErrorKind::SigningUnavailable);
    assert!(sessions.refresh(&token).await.is_ok());

    // The module signs with another key than the one that is published, or has none of that name.
    for (named, expected) in [("pss", ErrorKind::IssuingFailed), ("none", ErrorKind::SigningUnavailable)] {
        ring.replace(remote("rsa", named, Algorithm::RS256)).expect("a key");
        let issued = tokens.access("joe").issue_step().wait().await.expect_err(named);
        assert_eq!(jwt_core::Error::from(issued).kind(), expected, "{named}");
    }
}
