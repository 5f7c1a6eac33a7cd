//! Proofs of possession.

use jwt_core::http::TokenSources;
use jwt_core::proof::{Dpop, MemoryReplayLog};
use jwt_core::{Algorithm, ErrorKind};
use jwt_tests::adapter::Adapter;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::NOW;
use jwt_tests::proof::{BASE, Device};
use jwt_tests::setup::{behind, issuer, key_of, trusting};

rows! {
    "`cnf` with DPoP allowed", "needs a proof; refused as a bearer token, and from every place but `Authorization: DPoP`" =>
        a_bound_token_needs_a_proof
    {
        let sources = TokenSources::new().header("x-token");
        let application = behind(trusting(issuer().dpop_allowed()).dpop(Dpop::new(BASE)).sources(sources));
        let device = Device::default();
        assert_eq!(application.send_new(|| device.get("/user")).await, Answer::text("Ada"));
        let token = device.good().sign();
        let proof = device.proof("GET", "/user", &token).sign();
        for ask in [Ask::get("/user").bearer(&token), Ask::get("/user").header("x-token", &token)] {
            let answer = application.send(&ask.header("dpop", &proof)).await;
            assert_eq!(answer.code, Some(ErrorKind::MissingProof.code()));
        }
    }

    "algorithms of proofs", "every one with a public key" => every_asymmetric_algorithm_signs_proofs {
        let application = behind(trusting(issuer().dpop_allowed()).dpop(Dpop::new(BASE)));
        for &algorithm in Algorithm::ALL.iter().filter(|algorithm| !algorithm.is_symmetric()) {
            let device = Device { key: key_of(algorithm) };
            assert_eq!(application.send_new(|| device.get("/user")).await, Answer::text("Ada"), "{algorithm}");
        }
    }

    "age of a proof", "at most 60 seconds, and 10 seconds ahead" => a_proof_is_recent {
        let application = behind(trusting(issuer().dpop_allowed()).dpop(Dpop::new(BASE)));
        let device = Device::default();
        let token = device.good().sign();
        for (issued, expected) in [(NOW - 61, 401), (NOW - 60, 200), (NOW + 10, 200), (NOW + 11, 401)] {
            let proof = || device.proof("GET", "/user", &token).claim("iat", issued).sign();
            let answer = application.send_new(|| Ask::get("/user").dpop(&token, &proof())).await;
            assert_eq!(answer.status, expected, "{issued}");
        }
    }

    "nonces in proofs", "not required" => a_proof_needs_no_nonce {
        let application = behind(trusting(issuer().dpop_allowed()).dpop(Dpop::new(BASE)));
        assert_eq!(application.send_new(|| Device::default().get("/user")).await, Answer::text("Ada"));
        let asking = behind(trusting(issuer().dpop_allowed()).dpop(Dpop::new(BASE).nonces([7; 32])));
        let answer = asking.send_new(|| Device::default().get("/user")).await;
        assert_eq!(answer.code, Some(ErrorKind::StaleNonce.code()));
    }

    "use of a proof", "once; remembered by the process: a million proofs, 100,000 of each key, then 503" =>
        a_proof_is_used_once
    {
        assert!(format!("{:?}", MemoryReplayLog::new()).contains("most: 1000000"), "the limits of `new`");
        let application = behind(trusting(issuer().dpop_allowed()).dpop(Dpop::new(BASE)));
        let ask = Device::default().get("/user");
        assert_eq!(Adapter::Axum.send(&application, &ask).await, Answer::text("Ada"));
        assert_eq!(application.send(&ask).await.code, Some(ErrorKind::ReplayedProof.code()));
        let full = Dpop::new(BASE).replay_log(MemoryReplayLog::with_limits(0, 1));
        let full = behind(trusting(issuer().dpop_allowed()).dpop(full));
        assert_eq!(full.send(&ask).await, Answer::unavailable(ErrorKind::ReplayLogUnavailable, 5));
    }
}
