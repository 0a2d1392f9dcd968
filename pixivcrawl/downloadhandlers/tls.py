"""Which certificate authorities are trusted."""

from __future__ import annotations

import functools
import os
import ssl
from pathlib import Path

from pixivcrawl.api.text import quoted
from pixivcrawl.errors import ConfigurationError


def trust_context() -> ssl.SSLContext:
    """A context that verifies certificates and host names.

    It uses SSL_CERT_FILE if that is set, otherwise the system's store, otherwise certifi's. Raises ConfigurationError
    if SSL_CERT_FILE names no file of certificates.
    """
    return _context(os.environ.get("SSL_CERT_FILE") or None)


@functools.cache
def _context(file: str | None) -> ssl.SSLContext:
    """Once for all runs of a process: reading a system's store takes more time than a list with nothing new."""
    if file is not None:
        try:
            return ssl.create_default_context(cafile=file)
        except OSError as error:
            raise ConfigurationError(
                f"SSL_CERT_FILE {quoted(file)}: no certificates ({error.strerror}); name a PEM file, or unset it"
            ) from None
    context = ssl.create_default_context()
    if not _has_authorities(context):
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _has_authorities(context: ssl.SSLContext) -> bool:
    """A folder of certificates is read only when one is needed, so that the context alone does not show whether there are any."""
    folder = ssl.get_default_verify_paths().capath
    return bool(context.cert_store_stats()["x509_ca"]) or (folder is not None and any(Path(folder).glob("*.[0-9]")))
