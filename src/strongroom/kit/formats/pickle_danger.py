"""What an import outside of the allow list means: code that is known to do harm, or code that nobody here knows.

The allow list decides what is safe (kit.formats.pickle_allow). This list only tells what is malicious from what a person
has to look at, so that a gadget that is missing here is still never called safe.
"""

import re
from enum import Enum

from strongroom.kit.formats.pickle_allow import HARMLESS
from strongroom.kit.formats.pickle_values import COMPUTED, EXTENSION, Global


class Rank(Enum):
    """What an import is."""

    HARMLESS = 0
    FOREIGN = 1
    CODE = 2  # it makes functions of bytecode that the file brings
    DANGEROUS = 3


# Everything in these modules, and in those below them, reaches out of the process, runs code or loads some.
_REACHING = """
os posix nt pty popen2 commands subprocess _posixsubprocess sys socket _socket socketserver ssl select selectors
shutil runpy importlib _frozen_importlib _frozen_importlib_external imp pkgutil zipimport ctypes _ctypes cffi mmap
multiprocessing _multiprocessing asyncio threading _thread signal pdb bdb code codeop cProfile profile trace
timeit doctest webbrowser antigravity pip ensurepip venv setuptools distutils pkg_resources pydoc idlelib lib2to3 marshal
pickle _pickle cPickle shelve dbm http httplib SocketServer thread urllib urllib2 requests httpx aiohttp ftplib smtplib telnetlib poplib imaplib
nntplib xmlrpc paramiko fabric tempfile fileinput glob platform sysconfig _aix_support _osx_support
_pyrepl gc inspect site sitecustomize atexit faulthandler resource readline rlcompleter cmd test unittest pytest _pytest
winreg _winapi msvcrt winsound sqlite3 tkinter turtle turtledemo curses crypt fcntl termios tty pexpect invoke
sh plumbum numpy.f2py numpy.testing numpy.distutils torch.hub torch.utils.cpp_extension torch.utils.bottleneck
torch.utils.collect_env torch.distributed.rpc torch._dynamo torch._inductor torch.jit torch.package torch.testing torch.ops
torch.multiprocessing torch.utils._config_module torch._export torch.fx ctypes.util logging.config execnet jsonpickle
pandas.core.computation pandas.io.pickle py_compile compileall modulefinder builtin_function_or_method
"""
_MODULES = frozenset(_REACHING.split())

_NAMES: dict[str, frozenset[str]] = {
    module: frozenset(names.split())
    for module, names in {
        "builtins": "eval exec execfile compile open input print breakpoint getattr setattr delattr apply __import__ globals "
        "locals vars dir exit quit help reload file raw_input intern coerce buffer __build_class__ map filter "
        "license credits copyright",
        "operator": "attrgetter methodcaller itemgetter call",
        "functools": "reduce",
        "types": "FunctionType CodeType LambdaType MethodType ModuleType coroutine",
        "new": "function code instancemethod module classobj",
        "torch": "load save jit hub ops compile classes",
        "torch.serialization": "load save _load _legacy_load add_safe_globals clear_safe_globals",
        "torch.storage": "_load_from_bytes",
        "torch.utils": "_config_module cpp_extension",
        "torch._utils": "_import_dotted_name",
        "numpy": "load loadtxt genfromtxt fromfile memmap save savez fromregex DataSource f2py testing ctypeslib",
        "numpy.lib.npyio": "load DataSource fromregex",
        "numpy.core": "test",
        "pandas": "read_pickle eval read_csv read_sql",
        "joblib": "load",
        "joblib.numpy_pickle": "load load_temporary_memmap",
        "joblib.numpy_pickle_utils": "_read_fileobject",
        "dill": "load loads dumps load_session load_module",
        "dill._dill": "_import_module _eval_repr _get_attr _getattribute _locate_function load loads _setattr "
        "_create_filehandle",
        "cloudpickle": "load loads",
        "cloudpickle.cloudpickle": "subimport dynamic_subimport _lookup_module loads load",
        "yaml": "load unsafe_load full_load load_all unsafe_load_all",
        "codecs": "open",
        "linecache": "getline getlines updatecache",
        "site": "main execsitecustomize",
        "nturl2path": "url2pathname",
        "transformers": "pipeline AutoModel AutoConfig AutoTokenizer",
        "tensorflow": "py_function numpy_function io load_library load_op_library",
        "keras.models": "load_model",
        "ssl": "get_server_certificate",
        "uuid": "_get_command_stdout _popen",
        "io": "open open_code FileIO",
        "_io": "open open_code FileIO",
        "logging": "FileHandler config",
    }.items()
}  # fmt: skip
_ALIASES = {"__builtin__": "builtins", "__builtins__": "builtins", "_operator": "operator", "_functools": "functools",
            "copy_reg": "copyreg"}  # fmt: skip

# A last word that means running code, in whatever library it is found.
_VERBS = re.compile(
    r"(?i)(?:eval|exec|execfile|execv\w*|execl\w*|system|popen\w*|spawn\w*|check_output|check_call|getoutput|"
    r"getstatusoutput|run_path|run_module|run_script|runstring|run_?code|runsource|runctx|runeval|myeval|import_module|"
    r"__import__|load_module|exec_module|load_library|loadlibrary|debug_script|interact|urlopen|urlretrieve|"
    r"shell|run_shell\w*|exec_\w+|eval_\w+|\w*_(?:exec|eval|system|popen)|unpickle|call_tracing|"
    r"load_source|load_compiled|load_dynamic|import_string|import_object|dynamic_import|safe_eval|literal_eval_py)"
)
_DUNDER = re.compile(
    r"__(?:globals|builtins|subclasses|class|bases|base|mro|code|closure|import|getattribute|getattr|"
    r"reduce|reduce_ex|dict|loader|spec|self|func|wrapped|init_subclass|set_name|call)__"
)
_BYTECODE = frozenset({
    "dill._dill _create_function", "dill._dill _create_code", "dill._dill _create_cell", "dill._dill _create_type",
    "dill._dill _load_type", "cloudpickle.cloudpickle _make_function", "cloudpickle.cloudpickle _builtin_type",
    "cloudpickle.cloudpickle _function_setstate", "cloudpickle.cloudpickle _make_skeleton_class",
    "cloudpickle.cloudpickle _fill_function", "cloudpickle.cloudpickle _make_skel_func",
    "cloudpickle.cloudpickle_fast _function_setstate", "cloudpickle.cloudpickle _class_setstate",
    "cloudpickle.cloudpickle _make_cell", "cloudpickle.cloudpickle _make_empty_cell",
    "cloudpickle.cloudpickle_fast _class_setstate", "types FunctionType", "types CodeType", "types LambdaType",
})  # fmt: skip

_CODE = re.compile(
    r"__import__|\bimport\s+\w|\bfrom\s+\w+\s+import\b|\bexec\s*\(|\beval\s*\(|\bcompile\s*\(|\bos\.\w+\s*\(|subprocess|"
    r"\bsocket\.|\bopen\s*\(|\bgetattr\s*\(|__builtins__|__globals__|__subclasses__|b64decode|\bpickle\.loads?\b|"
    r"\bcurl\s|\bwget\s|/bin/\w*sh\b|\bbash\s+-|\bsh\s+-c|powershell|cmd\.exe|\bnc\s+-|/dev/tcp/|\bchmod\s|\brm\s+-|"
    r"\bpython\d?\s+-c|\becho\s|\btouch\s|\bwhoami\b|/etc/(?:passwd|shadow|hosts)|\bprint\s*\(|https?://"
)


def rank(found: Global) -> Rank:
    """What an import is, by its whole name and by every word of it."""
    key = f"{found.module} {found.name}"
    if key in HARMLESS:
        return Rank.HARMLESS
    if COMPUTED in (found.module, found.name):
        return Rank.DANGEROUS
    if found.module == EXTENSION:
        return Rank.FOREIGN
    if key in _BYTECODE:
        return Rank.CODE
    module = _ALIASES.get(found.module, found.module)
    return Rank.DANGEROUS if _dangerous(module, found.name) else Rank.FOREIGN


def _dangerous(module: str, name: str) -> bool:
    """A dotted name walks from module to module: `torch` and `os.system` is `os.system`."""
    parts, words = module.split("."), name.split(".")
    if any(".".join(parts[:n]) in _MODULES for n in range(1, len(parts) + 1)):
        return True
    if words[0] in _NAMES.get(module, frozenset()) or _VERBS.fullmatch(words[-1]):
        return True
    if any(_DUNDER.fullmatch(w) for w in (*parts, *words)):
        return True
    if any(".".join([*parts, *words[:n]]) in _MODULES for n in range(1, len(words))):
        return True
    inner = [w for w in words[:-1] if w in _MODULES or w in _ALIASES or w == "builtins"]
    if inner:
        return True
    # A module is reachable as an attribute of any that imports it.
    return len(words) == 1 and words[0] in ("os", "sys", "subprocess", "builtins", "importlib", "runpy", "socket")


def spelled_rank(dotted: str) -> Rank:
    """What a dotted path in a configuration is, as `_target_` and entry points write it."""
    module, _, name = dotted.replace(":", ".").rpartition(".")
    return rank(Global(module or "builtins", name))


def looks_like_code(text: str) -> bool:
    """Whether a text that is handed to a call reads like a program or a command."""
    return _CODE.search(text) is not None
