"""Verifies tokens with PyJWT, joserfc and Authlib.

Reads a JSON array of issuers from standard input and prints, for each
library, issuer and token, the subject or the name of the error:

    {"PyJWT": {"ES256": {"good": "joe", "expired": "ExpiredSignatureError"}}}
"""

import base64
import json
import sys
import urllib.request

import jwt
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from joserfc import jwk
from joserfc import jwt as joserfc_jwt

# Never through a proxy: everything is on this machine.
urllib.request.install_opener(
    urllib.request.build_opener(urllib.request.ProxyHandler({}))
)


def fetch(url):
    with urllib.request.urlopen(url, timeout=30) as response:
        return json.load(response)


def secret(issuer):
    text = issuer["secret"]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def key_set(issuer):
    if issuer["secret"] is None:
        return fetch(issuer["jwks_uri"])
    return {"keys": [{"kty": "oct", "kid": issuer["kid"], "k": issuer["secret"]}]}


def pyjwt(issuer, token):
    if issuer["secret"] is None:
        client = jwt.PyJWKClient(issuer["jwks_uri"])
        key = client.get_signing_key_from_jwt(token).key
    else:
        key = secret(issuer)
    claims = jwt.decode(
        token,
        key,
        algorithms=issuer["algorithms"],
        audience=issuer["audience"],
        issuer=issuer["issuer"],
        options={"require": ["exp", "iat", "sub", "jti"]},
    )
    return claims["sub"]


def joserfc(issuer, token):
    keys = jwk.KeySet.import_key_set(key_set(issuer))
    decoded = joserfc_jwt.decode(token, keys, algorithms=issuer["algorithms"])
    rules = joserfc_jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": issuer["issuer"]},
        aud={"essential": True, "value": issuer["audience"]},
        exp={"essential": True},
        sub={"essential": True},
    )
    rules.validate(decoded.claims)
    return decoded.claims["sub"]


def authlib(issuer, token):
    class Validator(JWTBearerTokenValidator):
        def get_jwks(self):
            return key_set(issuer)

    validator = Validator(issuer["issuer"], issuer["audience"])
    decoded = validator.authenticate_token(token)
    validator.validate_token(decoded, None, None)
    return decoded["sub"]


def outcome(verify, issuer, token):
    try:
        return verify(issuer, token)
    except Exception as error:
        # Authlib wraps the reason.
        return type(error.__cause__ or error).__name__


def main():
    issuers = json.load(sys.stdin)
    libraries = {"PyJWT": pyjwt, "joserfc": joserfc, "Authlib": authlib}
    answer = {
        library: {
            issuer["name"]: {
                case: outcome(verify, issuer, token)
                for case, token in issuer["tokens"].items()
            }
            for issuer in issuers
        }
        for library, verify in libraries.items()
    }
    print(json.dumps(answer))


main()
