"""Clients whose every read and write blocks: client.py ADDRESS KIND [OPTION=VALUE...]

ADDRESS is a path of a Unix socket or a port of 127.0.0.1. One line of JSON a connection goes to stdout when it ends:
bytes, sha256, seconds, still (the longest time without a byte, once it reads), end (end, reset, or what failed).
  echo      sends bytes=N in chunks of chunk=N and reads them back: way=duplex at the same time,
            way=turns each chunk read back before the next is written
  request   writes a line, half-closes with half=1, starts to read late=SECONDS later, reads to the end
  upload    writes bytes=N (0: for ever), half-closes with half=1, then reads to the end
  ask       writes a line and reads the first bytes of the answer
  hold      writes a line and never reads
  http      asks over HTTP/1.1, one keep-alive connection, for requests=N pages of 7 bytes to 300 kB and hashes
            what they hold; the service is asked for a page by its size: GET /SIZE
Who cannot write for half a second says `stalled` on stderr, once a connection; `upload` says `said` when all is written;
`gone`: the other side went before that.
Other options: connections=N, sndbuf=N, rcvbuf=N (the kernel's buffers).
"""
import hashlib
import json
import select
import socket
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException

address, kind, *rest = sys.argv[1:]
options = dict(option.split("=") for option in rest)
size = int(options.get("bytes", 0))
chunk = int(options.get("chunk", 65536))
late = float(options.get("late", 0))
PATTERN = bytes(range(251)) * 4178
printing = threading.Lock()


def pattern(at, count):
    """The same bytes as service.py says: piece by piece from byte `at` on."""
    count = min(count, 1 << 20)
    return PATTERN[at % 251 : at % 251 + count]


def connect():
    made = socket.socket(socket.AF_UNIX if "/" in address else socket.AF_INET)
    for name, option in (("sndbuf", socket.SO_SNDBUF), ("rcvbuf", socket.SO_RCVBUF)):
        if name in options:
            made.setsockopt(socket.SOL_SOCKET, option, int(options[name]))
    made.connect(address if "/" in address else ("127.0.0.1", int(address)))
    return made


class Reader:
    def __init__(self, connection, number):
        self.number = number
        self.connection = connection
        self.sha = hashlib.sha256()
        self.count = 0
        self.still = 0.0
        self.last = time.monotonic()

    def read(self):
        data = self.connection.recv(chunk)
        now = time.monotonic()
        self.still = max(self.still, now - self.last)
        self.last = now
        self.count += len(data)
        self.sha.update(data)
        return len(data)

    def read_until(self, count):
        while self.count < count and self.read():
            pass

    def read_on(self):
        while self.read():
            pass


def write_all(connection, count=None):
    at, told = 0, False
    while count is None or at < count:
        if not told and not select.select([], [connection], [], 0.5)[1]:
            told = True
            print("stalled", file=sys.stderr, flush=True)
        piece = pattern(at, chunk if count is None else min(chunk, count - at))
        connection.sendall(piece)
        at += len(piece)
    return at


def write_quietly(connection):
    try:
        write_all(connection, size)
    except OSError:
        pass  # the reader tells


def echo(connection, reader):
    if options.get("way") == "turns":
        while reader.count < size:
            piece = pattern(reader.count, min(chunk, size - reader.count))
            connection.sendall(piece)
            wanted = reader.count + len(piece)
            reader.read_until(wanted)
            if reader.count < wanted:
                return
        return
    writer = threading.Thread(target=write_quietly, args=[connection], daemon=True)
    writer.start()
    reader.read_until(size)


def request(connection, reader):
    connection.sendall(b"GET\n")
    if "half" in options:
        connection.shutdown(socket.SHUT_WR)
    time.sleep(late)
    reader.last = time.monotonic()
    reader.read_on()


def upload(connection, reader):
    write_all(connection, size or None)
    print("said", file=sys.stderr, flush=True)
    if "half" in options:
        connection.shutdown(socket.SHUT_WR)
    reader.last = time.monotonic()
    reader.read_on()


def ask(connection, reader):
    connection.sendall(b"GET\n")
    reader.read()


SIZES = (7, 300, 4_000, 20_000, 65_536, 131_076, 200_000, 300_000)


def http(connection, reader):
    client = HTTPConnection("127.0.0.1")
    client.sock = connection
    for at in range(int(options["requests"])):
        client.request("GET", f"/{SIZES[(at * 7 + reader.number * 3) % len(SIZES)]}")
        body = client.getresponse().read()
        reader.sha.update(body)
        reader.count += len(body)


def hold(connection, _reader):
    connection.sendall(b"GET\n")
    threading.Event().wait()


def run(number):
    started = time.monotonic()
    end = "end"
    reader = None
    try:
        with connect() as connection:
            reader = Reader(connection, number)
            {"echo": echo, "request": request, "upload": upload, "ask": ask, "hold": hold, "http": http}[kind](connection, reader)
    except (ConnectionResetError, BrokenPipeError):
        end = "reset"
        print("gone", file=sys.stderr, flush=True)
    except HTTPException as error:
        end = type(error).__name__  # its text is what came in place of an answer
    except OSError as error:
        end = str(error)
    with printing:
        print(
            json.dumps(
                {
                    "bytes": reader.count if reader else 0,
                    "sha256": reader.sha.hexdigest() if reader else "",
                    "seconds": round(time.monotonic() - started, 3),
                    "still": round(reader.still, 3) if reader else 0,
                    "end": end,
                }
            ),
            flush=True,
        )


runs = [threading.Thread(target=run, args=[at]) for at in range(int(options.get("connections", 1)))]
for thread in runs:
    thread.start()
for thread in runs:
    thread.join()
