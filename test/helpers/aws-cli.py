"""The AWS CLI for many calls: its modules are read once, and each call is a process of its own forked from here.

A line of JSON on stdin is a call: {"id": 1, "args": ["iotsecuretunneling", "list-tunnels"], "env": {"HOME": "/h"}}.
The id goes to stdout when it has ended. What the call prints goes nowhere: the requests it sends tell how it went.
Whatever depends on environment and files is read after the fork, in the environment of the call and nothing else.
"""
import json
import os
import signal
import sys

import awscli.clidriver
import awscli.handlers  # noqa: F401, for every call needs it
import botocore.httpsession  # noqa: F401


def call(args, env):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    own = os.environ["AWS_DATA_PATH"]  # set by its modules as they are read
    os.environ.clear()
    os.environ.update(env, AWS_DATA_PATH=own)
    os.chdir(env["HOME"])
    sys.argv = ["aws", *args]
    awscli.clidriver.main()


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    answers = os.dup(1)
    for line in sys.stdin:
        wanted = json.loads(line)
        if os.fork() > 0:
            continue
        try:
            call(wanted["args"], wanted["env"])
        except BaseException:
            pass  # as the requests tell
        finally:
            os.write(answers, b"%d\n" % wanted["id"])
            os._exit(0)


main()
