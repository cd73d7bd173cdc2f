"""A service whose every read and write blocks, as most are written: service.py ADDRESS KIND [OPTION=VALUE...]

ADDRESS is a path for a Unix socket, or 0 for a free port of 127.0.0.1; the first line on stdout says which.
  say bytes=N          writes N bytes and closes; never reads
  say-unread bytes=N   waits for input, leaves it unread, writes N bytes and closes
  echo                 sends back each chunk before it reads the next
  answer bytes=N       reads a line, writes N bytes and closes its side; reads on to the end
  late-sink late=S     says at once that it will say nothing, reads S seconds later to the end, and prints how
                       many bytes came and their SHA-256
  slow rate=N          reads N bytes a second, in ten pieces
  hold-first first=N   never reads from the first N connections (1); later ones are echoed
Who cannot write for half a second says `stalled` on stdout, once a connection; `answer` says `said` when
all is written; `gone`: the client went before that.
Other options: chunk=N (bytes a read), sndbuf=N and rcvbuf=N (the kernel's buffers).
"""
import hashlib
import itertools
import select
import socket
import sys
import threading
import time

address, kind, *rest = sys.argv[1:]
options = dict(option.split("=") for option in rest)
size = int(options.get("bytes", 0))
chunk = int(options.get("chunk", 65536))
PATTERN = bytes(range(251)) * 4178


def write(connection, count):
    """A pattern that shows a byte that is lost, doubled or moved."""
    at, told = 0, False
    while at < count:
        if not told and not select.select([], [connection], [], 0.5)[1]:
            told = True
            print("stalled", flush=True)
        piece = PATTERN[at % 251 : at % 251 + min(count - at, 65536)]
        connection.sendall(piece)
        at += len(piece)


def read_line(connection):
    while not connection.recv(chunk).endswith(b"\n"):
        pass


def drain(connection):
    while connection.recv(chunk):
        pass


def echo(connection):
    while data := connection.recv(chunk):
        connection.sendall(data)


def read_late(connection):
    connection.shutdown(socket.SHUT_WR)
    time.sleep(float(options["late"]))
    sha, count = hashlib.sha256(), 0
    try:
        while data := connection.recv(chunk):
            sha.update(data)
            count += len(data)
    finally:
        print(count, sha.hexdigest(), flush=True)


def read_slowly(connection):
    while connection.recv(int(options["rate"]) // 10):
        time.sleep(0.1)


def serve(connection, number):
    with connection:
        try:
            if kind == "say-unread":
                select.select([connection], [], [])
            if kind == "answer":
                read_line(connection)
            if kind == "late-sink":
                read_late(connection)
            if kind == "slow":
                read_slowly(connection)
            if kind == "hold-first" and number < int(options.get("first", 1)):
                threading.Event().wait()
            if kind in ("echo", "hold-first"):
                echo(connection)
            write(connection, size)
            if kind == "answer":
                print("said", flush=True)
                connection.shutdown(socket.SHUT_WR)
                drain(connection)
        except OSError:
            print("gone", flush=True)


server = socket.socket(socket.AF_UNIX if "/" in address else socket.AF_INET)
for name, option in (("sndbuf", socket.SO_SNDBUF), ("rcvbuf", socket.SO_RCVBUF)):
    if name in options:
        server.setsockopt(socket.SOL_SOCKET, option, int(options[name]))
server.bind(address if "/" in address else ("127.0.0.1", int(address)))
server.listen(1024)
print(address if "/" in address else server.getsockname()[1], flush=True)
IN_TURN = kind.startswith("say")
for number in itertools.count():
    accepted, _ = server.accept()
    if IN_TURN:
        serve(accepted, number)  # a thread of its own would give the other side time
    else:
        threading.Thread(target=serve, args=[accepted, number], daemon=True).start()
