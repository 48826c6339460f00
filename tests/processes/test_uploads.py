"""The folder of visitors' files: bounded as a whole, shared between addresses, swept, and no reason to remove a run."""

import os
import time
from dataclasses import replace
from pathlib import Path

import gradio as gr
import httpx
import pytest
from starlette.middleware import Middleware

from dev.server import free_port
from pipeline.errors import InputError
from web.uploads import FORM_OVERHEAD, UploadFolder, Uploads, upload_folder

MIB = 2**20


@pytest.fixture
def room(tmp_path):
    return UploadFolder(tmp_path, 100 * MIB, 3600)


def test_an_address_takes_as_much_as_it_leaves_free(room):
    for _ in range(5):
        room.reserve("a", 10 * MIB)
    with pytest.raises(InputError, match="can't store more files"):
        room.reserve("a", 10 * MIB)
    room.reserve("b", 10 * MIB)
    room.reserve("b", 10 * MIB)
    with pytest.raises(InputError):
        room.reserve("b", 10 * MIB)
    room.reserve("c", 10 * MIB)


def test_many_small_files_count_too_and_what_did_not_come_is_given_back(room):
    for _ in range(50 * MIB // FORM_OVERHEAD):
        room.reserve("a", 1)
    with pytest.raises(InputError):
        room.reserve("a", 1)
    entry = room.reserve("b", 20 * MIB)
    with pytest.raises(InputError):
        room.reserve("c", 20 * MIB)
    room.shrink(entry, 5)
    room.reserve("c", 20 * MIB)


def test_what_is_older_than_its_time_is_removed_and_makes_room(room, tmp_path, monkeypatch):
    (tmp_path / "old").mkdir()
    for name in ("old/a.csv", "tmpabc", "new.csv"):
        (tmp_path / name).write_text("x")
    for name in ("old/a.csv", "tmpabc"):
        os.utime(tmp_path / name, (1, 1))
    room.reserve("a", 45 * MIB)
    assert [path.name for path in tmp_path.iterdir()] == ["new.csv"]
    with pytest.raises(InputError):
        room.reserve("a", 45 * MIB)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3700)
    room.reserve("a", 45 * MIB)
    assert list(tmp_path.iterdir()) == []


def test_what_a_server_before_left_counts(tmp_path):
    (tmp_path / "left").write_bytes(bytes(MIB))
    room = UploadFolder(tmp_path, 2 * MIB, 3600)
    with pytest.raises(InputError):
        room.reserve("a", 1.5 * MIB)
    room.reserve("a", MIB // 4)


def test_a_link_in_the_folder_is_not_followed(room, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "kept").write_text("x")
    os.utime(elsewhere / "kept", (1, 1))
    (room.folder / "link").symlink_to(elsewhere)
    room.reserve("a", 1)
    assert (elsewhere / "kept").exists()


# ---------------------------------------------------------------- over HTTP


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Gradio's own upload behind the middleware: (client, folder). One file of 1 MiB at most, 8 MiB of all."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with gr.Blocks() as demo:
        gr.File()
    room, port = UploadFolder(tmp_path, 8 * MIB, 3600), free_port()
    demo.launch(
        app_kwargs={"middleware": [Middleware(Uploads, room, MIB)]},
        server_name="127.0.0.1",
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        max_file_size=MIB,
    )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        yield client, tmp_path
    demo.close()


def upload(client, size, **headers):
    return client.post(
        "/gradio_api/upload", files={"files": ("pairs.csv", b"a" * size)}, headers=headers
    )


def test_a_file_within_the_limit_is_taken(served):
    client, folder = served
    [path] = upload(client, 1000).json()
    assert Path(path).is_relative_to(folder) and Path(path).read_bytes() == b"a" * 1000


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("count", [1, 3])
def test_a_larger_one_and_many_at_once_are_refused_and_leave_nothing(served, count):
    client, folder = served
    told = client.post(
        "/gradio_api/upload",
        files=[("files", (f"{number}.csv", b"a" * (2 * MIB // count))) for number in range(count)],
    )
    assert (
        told.status_code == 413
        and told.text == "This file is larger than the limit of 1 MiB. Split it."
    )
    assert files(folder) == []


def test_one_that_hides_its_length_is_stopped_while_it_arrives(served):
    client, folder = served
    sent = []

    def chunks():
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.csv"\r\n\r\n'
        for number in range(400):
            sent.append(number)
            yield b"a" * 65536
        yield b"\r\n--x--\r\n"

    told = client.post(
        "/gradio_api/upload",
        content=chunks(),
        headers={"content-type": "multipart/form-data; boundary=x", "referer": "http://h/zh"},
    )
    assert told.status_code == 413 and "1 MiB" in told.text and "larger" not in told.text
    assert files(folder) == [] and len(sent) < 400


def test_a_flood_of_uploads_ends_at_the_addresss_share_and_a_neighbour_still_can(served):
    client, folder = served
    codes = [upload(client, MIB - 1000).status_code for _ in range(21)]
    assert codes == [200] * 3 + [429] * 18 or codes == [200] * 4 + [429] * 17, codes
    assert "can't store more files" in upload(client, MIB - 1000).text
    assert upload(client, 1000, **{"X-Forwarded-For": "203.0.113.9"}).status_code == 200
    assert sum(path.stat().st_size for path in files(folder)) <= 4 * MIB


def test_junk_is_said_plainly(served):
    client, _ = served
    for kind, body in (
        ("multipart/form-data; boundary=x", b"junk"),
        ("multipart/form-data", b"x"),
        ("text/plain", b"x"),
        ("", b""),
    ):
        told = client.post("/gradio_api/upload", content=body, headers={"content-type": kind})
        assert (
            told.status_code == 200
            or told.text == "This upload can't be read. Choose the file again."
        ), (kind, told.text)


def test_the_apps_own_room_is_gradios_folder(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "files"))
    room = upload_folder(settings)
    assert room is upload_folder(replace(settings)) and room.folder == tmp_path / "files"
    assert (room.most, room.seconds) == (
        settings.max_upload_folder_bytes,
        settings.max_upload_seconds,
    )
