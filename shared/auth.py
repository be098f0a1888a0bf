"""Who is calling: JWT access tokens (RFC 9068) with scopes, checked against the issuer's public keys.

Deny by default: every route names its scopes (`shared.web.allows`). Algorithms are an allow-list, the key is found by
`kid` only, and a token may be limited to warehouses. `python -m shared.auth` is not a thing: development tokens come
from `tieline token`, signed with a key pair that `write_development_keys` made.
"""

import asyncio
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import ColumnElement, true

from shared.errors import Unauthorised
from shared.ids import new_id

ALGORITHMS = ("RS256", "ES256", "EdDSA")
LEEWAY_SECONDS = 30
REFETCH_SECONDS = 60.0
MOST_CACHED = 10_000


@dataclass(frozen=True)
class Scope:
    """The warehouses that a caller may see: all (None), or some."""

    warehouses: frozenset[str] | None = None

    def allows(self, warehouse: str) -> bool:
        """Whether this warehouse is in the scope."""
        return self.warehouses is None or warehouse in self.warehouses

    def where(self, column: ColumnElement[str]) -> ColumnElement[bool]:
        """The condition that keeps a query within the scope."""
        return true() if self.warehouses is None else column.in_(sorted(self.warehouses))


@dataclass(frozen=True)
class Principal:
    """A caller, as the token says."""

    subject: str
    scopes: frozenset[str]
    scope: Scope = field(default_factory=Scope)


class TokenMissing(Unauthorised):
    """No bearer token came with the request."""


class TokenRefused(Unauthorised):
    """The token is expired, not for us, or not signed by our issuer."""


class Verifier:
    """Checks tokens; a checked one is remembered by its hash until it expires (a signature check is 90 us)."""

    def __init__(self, jwks: str, issuer: str, audience: str) -> None:
        self._jwks = jwks
        self._issuer = issuer
        self._audience = audience
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = float("-inf")
        self._fetching = asyncio.Lock()
        self._checked: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    async def principal(self, token: str) -> Principal:
        """The caller that the token names; raises `TokenRefused` with what is wrong, never with the token."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._checked.get(digest)
        if known and known[0] > time.time():
            return known[1]
        claims = await self._claims(token)
        principal = _principal(claims)
        self._checked[digest] = (float(claims["exp"]), principal)
        while len(self._checked) > MOST_CACHED:
            self._checked.popitem(last=False)
        return principal

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(str(header.get("kid", "")))
            if header.get("alg") not in ALGORITHMS or header.get("alg") != key.algorithm_name:
                raise TokenRefused("The token's algorithm is not accepted")
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "sub"]},
            )
        except jwt.PyJWTError as problem:
            raise TokenRefused(f"The token was not accepted: {problem}; get a new one") from problem
        return claims

    async def _key(self, kid: str) -> jwt.PyJWK:
        if kid not in self._keys:
            await self._refetch()
        if kid not in self._keys:
            raise TokenRefused("The token is signed with a key that its issuer does not publish")
        return self._keys[kid]

    async def _refetch(self) -> None:
        """Read the issuer's keys again, at most once a minute: a flood of unknown key ids costs nothing."""
        async with self._fetching:
            if time.monotonic() - self._fetched < REFETCH_SECONDS:
                return
            self._fetched = time.monotonic()
            document = await _read_jwks(self._jwks)
            keys = (jwt.PyJWK.from_dict(key) for key in document.get("keys", []) if key.get("kid"))
            self._keys = {str(key.key_id): key for key in keys}


async def _read_jwks(place: str) -> dict[str, Any]:
    if place.startswith(("https://", "http://")):
        async with httpx.AsyncClient(timeout=5) as client:
            answer = await client.get(place)
            answer.raise_for_status()
            document: dict[str, Any] = answer.json()
            return document
    text = await asyncio.to_thread(Path(place).read_text, encoding="utf-8")
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def _principal(claims: dict[str, Any]) -> Principal:
    scope = claims.get("scope", "")
    words = scope.split() if isinstance(scope, str) else []
    warehouses = claims.get("warehouses")
    if warehouses is not None and not (
        isinstance(warehouses, list) and all(isinstance(w, str) for w in warehouses)
    ):
        raise TokenRefused("The token's claim `warehouses` must be a list of codes")
    limited = None if warehouses is None else frozenset(warehouses)
    return Principal(str(claims["sub"]), frozenset(words), Scope(limited))


DEVELOPMENT_ISSUER = "http://localhost/tieline-development"


def write_development_keys(folder: Path) -> Path:
    """Make a key pair for development in `folder` unless one is there; the path of its public JWKS comes back."""
    private, public = folder / "development-key.pem", folder / "jwks.json"
    if private.exists() and public.exists():
        return public
    key = Ed25519PrivateKey.generate()
    folder.mkdir(parents=True, exist_ok=True)
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    jwk = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key()))
    jwk |= {"kid": f"development-{new_id().hex[-8:]}", "use": "sig", "alg": "EdDSA"}
    public.write_text(json.dumps({"keys": [jwk]}), encoding="utf-8")
    return public


def development_token(
    folder: Path,
    subject: str,
    scopes: Iterable[str],
    *,
    warehouses: Iterable[str] | None = None,
    seconds: int = 8 * 3600,
    issuer: str = DEVELOPMENT_ISSUER,
    audience: str = "tieline",
) -> str:
    """A token signed with the folder's development key."""
    kid = json.loads((folder / "jwks.json").read_text(encoding="utf-8"))["keys"][0]["kid"]
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "iat": now,
        "exp": now + seconds,
    }
    claims |= {"scope": " ".join(sorted(scopes)), "jti": str(new_id())}
    if warehouses is not None:
        claims["warehouses"] = sorted(warehouses)
    key = (folder / "development-key.pem").read_bytes()
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": kid, "typ": "at+jwt"})
