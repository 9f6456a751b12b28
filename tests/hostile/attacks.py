"""Attacks by kind. Each is the answer cell of `double` in the tiny course; `halve` is answered.

None of them computes twice x, so the part it stands in must earn nothing, the other part all its
points; and nothing of `SECRETS` may show in what the cell prints.
"""

SECRETS = ("a teacher's secret", "2469134", "BEGIN HIDDEN TESTS", "secret_number")

KINDS: dict[str, dict[str, str]] = {
    "read": {
        "gradebook": "import glob\ndouble = open(glob.glob('/**/gradebook.db', recursive=True)[0])",
        "environment": "import os\nprint(os.environ.get('LSTM_SECRET'))",
        "teachers_file": "print(open(SECRET_FILE).read())",
        "hidden_tests_in_history": "print([s for s in In if 'HIDDEN' in s])",
        "hidden_tests_in_files": "import os\nprint(list(os.walk('/lstm/work')))",
        "reference_answers": "from lstm_ref.cells import lstm_step\nprint(lstm_step.__code__)",
        "password_file": "print(open('/etc/shadow').read())",
        "memory_of_the_parent": "print(open('/proc/1/environ', 'rb').read())",
        "command_line": "import sys\nprint(sys.argv, open('/proc/self/cmdline').read())",
    },
    "write": {
        "outside": "open('/usr/bin/python', 'w')",
        "interpreter": "import numpy\nopen(numpy.__file__, 'a').write('x')",
        "course": "import lstm_ref\nopen(lstm_ref.__file__, 'w')",
        "up_and_away": "open('../../../x', 'w')",
        "by_a_link": "import os\nos.symlink('/etc', 'etc')\nopen('etc/x', 'w')",
        "device": "open('/dev/sda', 'wb')",
    },
    "network": {
        "out": "import socket\nsocket.create_connection(('192.0.2.1', 80), 1)",
        "name_server": "import socket\nsocket.getaddrinfo('example.org', 80)",
        "loopback": "import socket\nsocket.create_connection(('127.0.0.1', 22), 1)",
        "web": "import urllib.request\nurllib.request.urlopen('http://192.0.2.1', timeout=1)",
        "abstract_socket": "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0x')",
    },
    "flood": {
        "forks": "import os\nwhile True:\n    os.fork()",
        "forks_in_a_call": "import os\ndef double(x):\n    while True:\n        os.fork()",
        "threads": "import threading, time\nwhile True:\n"
        "    threading.Thread(target=time.sleep, args=(9,)).start()",
        "memory": "def double(x):\n    return bytearray(1 << 40)",
        "memory_slowly": "def double(x):\n    kept = []\n    while True:\n"
        "        kept.append(bytearray(1 << 26))",
        "disk": "def double(x):\n    k = 0\n    while True:\n        k += 1\n"
        "        open(f'/tmp/{k}', 'wb').write(bytes(1 << 20))",
        "output": "def double(x):\n    for _ in range(2000):\n        print('x' * 10000)",
        "output_of_a_cell": "for _ in range(500):\n    print('y' * 10000)",
        "output_below_python": "import os\nfor _ in range(500):\n    os.write(1, b'z' * 10000)",
        "loop": "def double(x):\n    while True:\n        pass",
        "loop_that_catches": "def double(x):\n    while True:\n        try:\n"
        "            while True:\n                pass\n"
        "        except BaseException:\n            pass",
        "loop_in_the_cell": "while True:\n    pass",
        "sleep": "import time\ndef double(x):\n    time.sleep(1000)",
        "recursion": "def double(x):\n    return double(x)",
        "deep_result": "def double(x):\n    y = []\n    for _ in range(100000):\n"
        "        y = [y]\n    return y",
        "wide_result": "def double(x):\n    return [0] * 10_000_000",
        "huge_array": "import numpy as np\ndef double(x):\n    return np.zeros(20_000_000)",
        "huge_number": "def double(x):\n    return 1 << 10_000_000",
        "circle": "def double(x):\n    y = []\n    y.append(y)\n    return y",
        "compression_of_text": "def double(x):\n    return 'x' * 100_000_000",
    },
    "end": {
        "process": "import os\ndef double(x):\n    os._exit(0)",
        "process_at_once": "import os\nos._exit(0)",
        "by_signal": "import os, signal\ndef double(x):\n    os.kill(os.getpid(), signal.SIGKILL)",
        "everybody": "import os, signal\nos.kill(-1, signal.SIGKILL)",
        "parent": "import os, signal\ndef double(x):\n    os.kill(os.getppid(), signal.SIGKILL)",
        "crash": "import ctypes\ndef double(x):\n    ctypes.string_at(0)",
        "exit": "import sys\ndef double(x):\n    sys.exit(0)",
        "interrupt": "def double(x):\n    raise KeyboardInterrupt",
        "group": "import os, signal\ndef double(x):\n    os.killpg(0, signal.SIGTERM)",
    },
    "later": {
        "thread": "import threading, time\ndef turn():\n    time.sleep(0.2)\n    global double\n"
        "    double = lambda x: None\nthreading.Thread(target=turn, daemon=True).start()\n"
        "double = lambda x: 0",
        "atexit": "import atexit, os\natexit.register(lambda: os.write(3, b'LSTM'))",
        "child_that_stays": "import os, time\nif os.fork() == 0:\n    time.sleep(1000)\n",
        "deletion": "class D:\n    def __del__(self):\n        raise SystemExit\n"
        "def double(x):\n    return D()",
    },
    "patch": {
        "numpy": "import numpy as np\nnp.allclose = np.array_equal = lambda *a, **k: True\n"
        "def double(x):\n    return 0",
        "numpy_testing": "import numpy.testing as t\nt.assert_allclose = lambda *a, **k: None",
        "builtins": "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.str = lambda x: ''",
        "equality_of_int": "import ctypes\nctypes.c_long.from_address(id(6) + 24).value = 3",
        "ipython": "get_ipython().run_cell = lambda *a, **k: None",
        "display": "import IPython.display as d\nd.display = lambda *a: None\n"
        "get_ipython().display_pub.publish = None",
        "calling": "import lstm_ref.checks.calling as c\nc.call = lambda *a, **k: None",
        "wire": "import lstm_grader.wire as w\nw.send = w.receive = None",
        "student": "import lstm_grader.inside.student as s\n"
        "s.Student._call = lambda self, **k: {'result': 6}",
        "signal_handlers": "import signal\nfor n in (signal.SIGINT, signal.SIGALRM):\n"
        "    signal.signal(n, signal.SIG_IGN)\ndef double(x):\n    while True:\n        pass",
    },
    "lie": {
        "equality": "class Same:\n    def __eq__(self, other):\n        return True\n"
        "def double(x):\n    return Same()",
        "equality_of_a_number": "class Same(int):\n    def __eq__(self, other):\n"
        "        return True\n    __hash__ = None\ndef double(x):\n    return Same(1)",
        "array": "import numpy as np\nclass A(np.ndarray):\n    def __eq__(self, other):\n"
        "        return True\n    def __bool__(self):\n        return True\n"
        "def double(x):\n    return np.zeros(()).view(A)",
        "array_function": "import numpy as np\nclass A:\n"
        "    def __array_function__(self, *a):\n        return True\n"
        "    def __array_ufunc__(self, *a, **k):\n        return True\n"
        "def double(x):\n    return A()",
        "shape": "import numpy as np\nclass A(np.ndarray):\n    shape = (2**40,)\n    dtype = 'O'\n"
        "def double(x):\n    return np.zeros(3).view(A)",
        "class": "class A:\n    @property\n    def __class__(self):\n        return int\n"
        "def double(x):\n    return A()",
        "error": "class CheckFailed(AssertionError):\n    pass\n"
        "def double(x):\n    raise CheckFailed('passed')",
        "not_run": "class NotRun(Exception):\n    pass\ndef double(x):\n    raise NotRun('x')",
    },
    "look": {
        "stack": "import sys\ndef double(x):\n    f = sys._getframe()\n    while f:\n"
        "        if 'secret_number' in f.f_globals:\n            return 2469134\n"
        "        f = f.f_back",
        "garbage": "import gc\ndef double(x):\n    return next(o for o in gc.get_objects()\n"
        "        if isinstance(o, dict) and 'secret_number' in o)",
        "trace": "import sys\nseen = []\nsys.settrace(lambda f, e, a: seen.append(f.f_code))\n"
        "sys.setprofile(lambda *a: None)\ndef double(x):\n    return 'hidden' in str(seen)",
        "memory": "import ctypes\ndef double(x):\n    return b'secret_number' in "
        "ctypes.string_at(id(double), 100000)",
        "frames_of_threads": "import sys\ndef double(x):\n    return str(sys._current_frames())",
    },
    "forge": {
        "garbage": "import os\ndef double(x):\n    for d in range(3, 64):\n        try:\n"
        "            os.write(d, b'garbage' * 10)\n        except OSError:\n            pass",
        "head_without_end": "import os\ndef double(x):\n    for d in range(3, 64):\n"
        "        try:\n            os.write(d, b'LSTM' + b'\\x03' + bytes(6) + b'\\x01')\n"
        "        except OSError:\n            pass",
        "too_much": "import os\ndef double(x):\n    for d in range(3, 64):\n        try:\n"
        "            os.write(d, b'LSTM' + b'\\xff' * 8)\n        except OSError:\n"
        "            pass",
        "pickle": "import os, pickle, struct\nclass P:\n    def __reduce__(self):\n"
        "        return print, ('ran',)\nt = pickle.dumps(P())\ndef double(x):\n"
        "    for d in range(3, 64):\n        try:\n"
        "            os.write(d, struct.pack('>4sII', b'LSTM', len(t), 0) + t)\n"
        "        except OSError:\n            pass",
        "answer": 'import os, struct\nt = b\'["d",["score",100],["passed",true]]\'\n'
        "def double(x):\n    for d in range(3, 64):\n        try:\n"
        "            os.write(d, struct.pack('>4sII', b'LSTM', len(t), 0) + t)\n"
        "        except OSError:\n            pass",
        "question": 'import os, struct\nt = b\'["d",["ask","lent"],["number",99],'
        '["args",["t"]],["kwargs",["d"]]]\'\ndef double(x):\n'
        "    for d in range(3, 64):\n        try:\n"
        "            os.write(d, struct.pack('>4sII', b'LSTM', len(t), 0) + t)\n"
        "        except OSError:\n            pass",
        "hang_up": "import os\ndef double(x):\n    os.closerange(3, 64)\n    return 6",
        "name_with_code": "T = type('__import__(\"os\")', (), {})\ndef double(x):\n    return T()",
    },
}

SPOILS_ITSELF = {"equality_of_int", "ipython", "calling", "student"}
"""Attacks that break the process their own submission runs in: its other part may then fail too."""
