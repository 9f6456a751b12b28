"""Show a folder on localhost and open the browser: serve.py FOLDER [PORT]."""

import functools
import http.server
import pathlib
import sys
import webbrowser


def main() -> int:
    """Serve until interrupted."""
    folder = pathlib.Path(sys.argv[1])
    if not (folder / "index.html").is_file():
        print(f"error: expected a built book in {folder}; run  make book", file=sys.stderr)
        return 1
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 8000
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    for attempt in range(port, port + 20):
        try:
            server = http.server.ThreadingHTTPServer(("127.0.0.1", attempt), handler)
            break
        except OSError:
            continue
    else:
        print(f"error: ports {port} to {port + 19} are all in use", file=sys.stderr)
        return 1
    address = f"http://localhost:{server.server_port}/"
    print(f"The book is at {address} (stop with Ctrl-C)", flush=True)
    webbrowser.open(address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
