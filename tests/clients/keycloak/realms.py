"""The realms of Keycloak: one acts as NHS login does, one as a provider of staff."""

CALLBACK = "{root}/oauth/callback/{provider}"


def mapper(claim, **more):
    """A claim from the attribute of the same name, in the tokens and in userinfo."""
    config = {
        "user.attribute": claim,
        "claim.name": claim,
        "jsonType.label": "String",
        "id.token.claim": "true",
        "access.token.claim": "true",
        "userinfo.token.claim": "true",
        **more,
    }
    return {
        "name": claim,
        "protocol": "openid-connect",
        "protocolMapper": "oidc-usermodel-attribute-mapper",
        "config": config,
    }


def audience(name):
    """Another audience in the id token."""
    return {
        "name": name,
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {"included.custom.audience": name, "id.token.claim": "true", "access.token.claim": "false"},
    }


def client(root, provider, claims, more=()):
    """A client that proves itself with a key of ours (RS512) and must send PKCE."""
    return {
        "clientId": f"onbehalf-{provider}",
        "enabled": True,
        "publicClient": False,
        "clientAuthenticatorType": "client-jwt",
        "redirectUris": [CALLBACK.format(root=root, provider=provider)],
        "standardFlowEnabled": True,
        "directAccessGrantsEnabled": False,
        "fullScopeAllowed": False,
        "attributes": {
            "use.jwks.url": "true",
            "jwks.url": f"{root}/oauth/jwks",
            "token.endpoint.auth.signing.alg": "RS512",
            "id.token.signed.response.alg": "RS512",
            "pkce.code.challenge.method": "S256",
        },
        "protocolMappers": [*[mapper(claim) for claim in claims], *more],
    }


def user(name, **attributes):
    return {
        "username": name,
        "enabled": True,
        "email": f"{name}@example.org",
        "emailVerified": True,
        "firstName": name,
        "lastName": "Example",
        "attributes": {key: [value] for key, value in attributes.items()},
        "credentials": [{"type": "password", "value": "a password", "temporary": False}],
    }


# Without a declaration Keycloak drops attributes that it does not know.
ANY_ATTRIBUTE = {
    "org.keycloak.userprofile.UserProfileProvider": [
        {
            "providerId": "declarative-user-profile",
            "config": {
                "kc.user.profile.config": [
                    '{"attributes":[{"name":"username"},{"name":"email"},{"name":"firstName"},{"name":"lastName"}],'
                    '"unmanagedAttributePolicy":"ENABLED"}'
                ]
            },
        }
    ],
    "org.keycloak.keys.KeyProvider": [
        {"name": "first", "providerId": "rsa-generated", "config": {"priority": ["100"], "algorithm": ["RS512"]}},
        {"name": "hmac", "providerId": "hmac-generated", "config": {"priority": ["100"], "algorithm": ["HS512"]}},
        {"name": "aes", "providerId": "aes-generated", "config": {"priority": ["100"]}},
    ],
}
CITIZEN = ["vot", "nhs_number", "identity_proofing_level"]


def realms(root):
    nhs = {
        "realm": "nhs",
        "enabled": True,
        "sslRequired": "all",
        "defaultSignatureAlgorithm": "RS512",
        "components": ANY_ATTRIBUTE,
        "clients": [client(root, "nhs", CITIZEN), client(root, "others", CITIZEN, [audience("another-client")])],
        "users": [
            user("lisa", vot="P9.Cp.Cd", nhs_number="9000000017", identity_proofing_level="P9"),
            user("low", vot="P5.Cp.Cd", nhs_number="9000000017", identity_proofing_level="P5"),
            user("liar", vot="P9.Cp.Cd", nhs_number="9000000017", identity_proofing_level="P5"),
        ],
    }
    staff = {
        "realm": "staff",
        "enabled": True,
        "sslRequired": "all",
        "defaultSignatureAlgorithm": "RS512",
        "components": ANY_ATTRIBUTE,
        "clients": [client(root, "staff", ["ods_code"])],
        "users": [user("receptionist", ods_code="A20047"), user("nowhere", ods_code="none")],
    }
    return [nhs, staff]
