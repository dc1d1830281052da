"""Who asks Azure: a token for Resource Manager, by whatever azure-identity finds in the surroundings.

Source: https://learn.microsoft.com/python/api/overview/azure/identity-readme (environment, workload identity, managed identity,
Azure CLI). Nobody is asked to sign in, and no browser is opened.
"""

import logging
import re
from collections.abc import Callable, Mapping

from strongroom.model.errors import Unreadable

HOME = "management.azure.com"
# https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure#guidance-for-developers and
# https://learn.microsoft.com/azure/china/resources-developer-guide
_AUTHORITIES = {
    "management.usgovcloudapi.net": "login.microsoftonline.us",
    "management.chinacloudapi.cn": "login.partner.microsoftonline.cn",
}
_HINT = "az login, or the variables of https://learn.microsoft.com/python/api/azure-identity"


def signed_in(spec: str, host: str) -> Callable[[], Mapping[str, str]]:
    """What gets the headers that say who asks. Raises Unreadable where azure-identity is not there."""
    try:
        from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415 - of an extra, and slow to import
        from azure.identity import CredentialUnavailableError, DefaultAzureCredential  # noqa: PLC0415 - same
    except ModuleNotFoundError as e:
        raise Unreadable(spec, f"no module {e.name}", "azure-identity", "pip install 'strongroom[azure]'") from None
    logging.getLogger("azure").addHandler(logging.NullHandler())  # what goes wrong is told once, and by us
    # The token is for the very server that is asked: one that is not Azure's gets none that another would take.
    options = {"authority": _AUTHORITIES[host]} if host in _AUTHORITIES else {}
    credential = DefaultAzureCredential(
        exclude_interactive_browser_credential=True,
        exclude_powershell_credential=True,
        exclude_developer_cli_credential=True,
        exclude_visual_studio_code_credential=True,
        exclude_shared_token_cache_credential=True,
        **options,
    )

    def renew() -> Mapping[str, str]:
        try:
            token = credential.get_token(f"https://{host}/.default").token
        except (ClientAuthenticationError, CredentialUnavailableError, OSError, ValueError) as e:
            raise Unreadable(spec, _said(str(e)), "credentials that Azure takes", _HINT) from None
        return {"Authorization": f"Bearer {token}"}

    return renew


def _said(text: str) -> str:
    """What went wrong: of each kind of credential that is there, its own words; the others have none here."""
    tried = re.findall(r"^\s+(\w+Credential): (.*)$", text, re.MULTILINE)
    absent = ("unavailable", "not found", "not fully configured", "not installed")
    told = [f"{name}: {words}" for name, words in tried if not any(a in words for a in absent)]
    if tried and not told:
        return "none in the environment, of a workload or managed identity, or of the Azure CLI"
    return f"no token: {' '.join((told[0] if told else text).split())[:160]}"
