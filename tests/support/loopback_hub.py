#!/usr/bin/env python3
"""A Hub on loopback: serves local folders over the HTTP calls that huggingface_hub and datasets make.

    python tests/support/loopback_hub.py --port 8765 \
        --dataset nyu-mll/glue=/folder/with/README.md/and/mrpc \
        --model google-bert/bert-base-uncased=/folder/with/config.json \
        --space evaluate-metric/glue=/folder/with/glue.py

Then run anything against it with the real client libraries:

    HF_ENDPOINT=http://127.0.0.1:8765 HF_HOME=$(mktemp -d) HF_HUB_DISABLE_XET=1 \
        python -c 'from datasets import load_dataset; print(load_dataset("nyu-mll/glue", "mrpc"))'

Without --dataset, the real GLUE MRPC in ../shared beside the checkout is served as nyu-mll/glue (3,668 / 408 / 1,725 pairs).
--token T lets the bearer of T make repositories and commit to them (owner "ann"; --token-rights read refuses it);
what they hold then lies under --pushed FOLDER. Without --token nobody may.
--stall S waits S seconds before each answer, --status N answers every request with N,
--cut BYTES breaks off each file after BYTES: three ways in which a Hub fails.
A model's folder may hold ".odd", one word that says how this repository alone fails: see `odd`.
"""

import argparse
import base64
import hashlib
import json
import re
import time
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlparse

COMMIT = "1" * 40
HERE = Path(__file__).parent


@lru_cache
def digest(path, mtime):
    return hashlib.sha1(path.read_bytes()).hexdigest()


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    repos, options = {}, None

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"X-Repo-Commit": COMMIT, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def json(self, value, status=200, **headers):
        self.answer(status, json.dumps(value).encode(), Content_Type="application/json", **headers)

    def missing(self, what):
        self.json({"error": f"{what} not found"}, 404, X_Error_Code=f"{what}NotFound")

    def entry(self, root, path):
        return {
            "type": "file",
            "path": str(path.relative_to(root)),
            "size": path.stat().st_size,
            "oid": digest(path, path.stat().st_mtime),
        }

    def sibling(self, root, path, sizes):
        size = (
            {"size": path.stat().st_size, "blobId": digest(path, path.stat().st_mtime)}
            if sizes
            else {}
        )
        return {"rfilename": str(path.relative_to(root)), **size}

    def files(self, root):
        return sorted(path for path in root.rglob("*") if path.is_file() and path.name != ".odd")

    def do_HEAD(self):
        self.do_GET()

    # ---------------------------------------------------------------- writing

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def refused(self):
        """Whether the token isn't known, or may not write; the answer is given then."""
        if (
            not self.options.token
            or self.headers.get("Authorization") != f"Bearer {self.options.token}"
        ):
            self.json({"error": "Invalid credentials in Authorization header"}, 401)
            return True
        if self.options.token_rights != "write" and self.command != "GET":
            self.json(
                {"error": "You don't have the rights to create a model under this namespace"}, 403
            )
            return True
        return False

    def written(self, path, body):
        """The calls by which huggingface_hub makes a repository and commits files to it; None for any other."""
        here = f"http://127.0.0.1:{self.options.port}"
        if path == "/api/repos/create":
            repo = f"ann/{json.loads(body)['name']}"
            if (self.options.pushed / repo).exists():
                return {
                    "error": "You already created this model repo",
                    "url": f"{here}/{repo}",
                }, 409
            (self.options.pushed / repo).mkdir(parents=True)
            (self.options.pushed / repo / "create.json").write_bytes(body)
            return {"url": f"{here}/{repo}", "name": repo, "id": "1"}, 200
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}, 200
        if match := re.fullmatch(r"/api/models/(ann/[^/]+)/preupload/main", path):
            modes = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                    "oid": None,
                }
                for file in json.loads(body)["files"]
            ]
            return {"files": modes}, 200
        if match := re.fullmatch(r"/(ann/[^/]+).git/info/lfs/objects/batch", path):
            objects = [
                {**each, "actions": {"upload": {"href": f"{here}/lfs/{each['oid']}"}}}
                for each in json.loads(body)["objects"]
            ]
            return {"transfer": "basic", "objects": objects}, 200
        if match := re.fullmatch(r"/api/models/(ann/[^/]+)/commit/main", path):
            self.commit(
                self.options.pushed / match[1], [json.loads(line) for line in body.splitlines()]
            )
            return {
                "success": True,
                "commitOid": COMMIT,
                "commitUrl": f"{here}/{match[1]}/commit/{COMMIT}",
            }, 200
        return None

    def commit(self, root, lines):
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                (root / value["path"]).write_bytes(base64.b64decode(value["content"]))
            elif line["key"] == "lfsFile":
                (self.options.pushed / value["oid"]).rename(root / value["path"])

    def do_PUT(self):
        name, body = urlparse(self.path).path.rpartition("/")[2], self.body()
        if hashlib.sha256(body).hexdigest() != name:
            return self.json({"error": "sha256 doesn't fit"}, 400)
        (self.options.pushed / name).write_bytes(body)
        self.answer(200)

    # ---------------------------------------------------------------- reading

    def do_POST(self):
        raw, path = self.body(), unquote(urlparse(self.path).path)
        body = raw.decode()
        writes = (
            path.startswith(("/api/repos/", "/api/validate-yaml"))
            or "/preupload/" in path
            or "/commit/" in path
            or "/lfs/" in path
        )
        if writes:
            if self.refused():
                return None
            answer = self.written(path, raw)
            return self.json(*answer) if answer else self.missing("Page")
        match = re.fullmatch(
            r"/api/(models|datasets)/([^/]+/[^/]+)/paths-info/[^/]+",
            unquote(urlparse(self.path).path),
        )
        root = match and self.repos.get(match.groups())
        if not root:
            return self.missing("Repo")
        wanted = (
            json.loads(body)["paths"] if body.startswith("{") else parse_qs(body).get("paths", [])
        )
        self.json(
            [
                self.entry(root, path)
                for path in self.files(root)
                if str(path.relative_to(root)) in wanted
            ]
        )

    def odd(self, root, path):
        """Answer as the word in `.odd` says, for a listing or a file; False where there is nothing odd about it."""
        how = (root / ".odd").read_text() if (root / ".odd").is_file() else ""
        listing = path.startswith("/api/")
        if how.isdigit():  # its own failure, such as 500 or 429
            self.json({"error": "odd"}, int(how))
        elif how == "retry-after":
            self.json({"error": "later"}, 429, Retry_After="86400")
        elif how == "redirect":
            self.answer(302, Location=f"http://127.0.0.1:{self.options.port}{self.path}")
        elif how == "endless" and listing:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"siblings": [')
            for number in range(2_000_000):
                self.wfile.write(b'{"rfilename": "%d", "size": 1},' % number)
            self.close_connection = True
        elif how == "empty" and listing:
            self.json({"id": "odd/odd", "sha": COMMIT, "siblings": []})
        elif (
            how == "more"
            and not listing
            and path.endswith(".safetensors")
            and self.command == "GET"
        ):
            self.send_response(200)  # 1 kB was listed; 64 MB arrive at a time, without end
            self.send_header("ETag", '"more"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            for _ in range(60):
                self.wfile.write(bytes(2**26))
            self.close_connection = True
        elif how == "stalls" and not listing and self.command == "GET":
            time.sleep(600)
        else:
            return False
        return True

    def do_GET(self):
        try:
            self.get()
        except (BrokenPipeError, ConnectionResetError):  # whoever asked has heard enough
            self.close_connection = True

    def get(self):
        time.sleep(self.options.stall)
        if self.options.status:
            return self.json({"error": "unavailable"}, self.options.status)
        url = urlparse(self.path)
        path = unquote(url.path)
        if path == "/api/whoami-v2":
            return (
                None if self.refused() else self.json({"type": "user", "name": "ann", "orgs": []})
            )
        if match := re.fullmatch(
            r"/api/(models|datasets|spaces)/([^/]+/[^/]+)(?:/revision/[^/]+)?", path
        ):
            root = self.repos.get(match.groups())
            if not root:
                return self.missing("Repo")
            if self.odd(root, path):
                return None
            return self.json(
                {
                    "id": match[2],
                    "modelId": match[2],
                    "sha": COMMIT,
                    "private": False,
                    "disabled": False,
                    "gated": False,
                    "tags": [],
                    "lastModified": "2024-01-01T00:00:00.000Z",
                    "siblings": [
                        self.sibling(root, p, "blobs" in url.query and not self.options.sizeless)
                        for p in self.files(root)
                    ],
                }
            )
        if match := re.fullmatch(
            r"/api/(models|datasets|spaces)/([^/]+/[^/]+)/tree/[^/]+/?(.*)", path
        ):
            root = self.repos.get((match[1], match[2]))
            if not root:
                return self.missing("Repo")
            return self.tree(root, match[3].strip("/"), "recursive=true" in url.query.lower())
        if match := re.fullmatch(r"/(?:(datasets|spaces)/)?([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            root = self.repos.get((match[1] or "models", match[2]))
            if not root:
                return self.missing("Repo")
            if self.odd(root, path):
                return None
            return self.file(root / match[3])
        self.missing("Page")

    def tree(self, root, folder, recursive):
        under = root / folder
        if not under.is_dir():
            return self.missing("Entry")
        listing = [
            self.entry(root, path)
            for path in self.files(under)
            if recursive or path.parent == under
        ]
        if not recursive:
            listing += [
                {
                    "type": "directory",
                    "path": str(path.relative_to(root)),
                    "oid": "0" * 40,
                    "size": 0,
                }
                for path in sorted(under.iterdir())
                if path.is_dir()
            ]
        self.json(listing)

    def file(self, path):
        if not path.is_file():
            return self.missing("Entry")
        body, status = path.read_bytes(), 200
        headers = {"ETag": f'"{digest(path, path.stat().st_mtime)}"', "Accept_Ranges": "bytes"}
        if match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(match[1]), int(match[2] or len(body) - 1)
            headers["Content_Range"] = f"bytes {first}-{last}/{len(body)}"
            body, status = body[first : last + 1], 206
        if self.options.cut is not None and self.command == "GET" and len(body) > self.options.cut:
            self.send_response(status)
            for name, value in {
                "X-Repo-Commit": COMMIT,
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body[: self.options.cut])
            self.close_connection = True
            return
        self.answer(status, body, **headers)

    def log_message(self, format, *args):
        if self.options.verbose:
            super().log_message(format, *args)


def repo(value):
    name, _, folder = value.partition("=")
    return name, Path(folder).resolve()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--model", type=repo, action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--dataset", type=repo, action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--space", type=repo, action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument(
        "--sizeless",
        action="store_true",
        help="tell the files' sizes in the tree alone, as some mirrors do",
    )
    parser.add_argument("--stall", type=float, default=0, metavar="SECONDS")
    parser.add_argument("--status", type=int, metavar="CODE")
    parser.add_argument("--cut", type=int, metavar="BYTES")
    parser.add_argument("--token")
    parser.add_argument("--token-rights", default="write", choices=["read", "write"])
    parser.add_argument("--pushed", type=Path, default=Path("pushed"), metavar="FOLDER")
    parser.add_argument("--verbose", action="store_true")
    Hub.options = parser.parse_args()
    datasets = Hub.options.dataset or [
        ("nyu-mll/glue", HERE.parent.parent.parent / "shared/hub/datasets/nyu-mll/glue")
    ]
    served = {"models": Hub.options.model, "datasets": datasets, "spaces": Hub.options.space}
    Hub.repos = {(kind, name): root for kind, repos in served.items() for name, root in repos}
    print(
        f"serving {', '.join(name for _, name in Hub.repos)} at http://127.0.0.1:{Hub.options.port}",
        flush=True,
    )
    ThreadingHTTPServer(("127.0.0.1", Hub.options.port), Hub).serve_forever()


if __name__ == "__main__":
    main()
