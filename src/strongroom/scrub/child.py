"""The process that has the GPU: `python -m strongroom.scrub.child`, with its work on standard input.

A process of its own, as a driver may hang or fall, and as a leak test needs a victim and an attacker. It looks before it
makes a context, and goes on only when it is told to.
"""

import sys
import time
from collections.abc import Callable

import msgspec

from strongroom.kit.rooms import part
from strongroom.model.errors import NotFound, StrongroomError
from strongroom.model.scrub import Canary, Case, Device, DeviceKind, Gpu, ScrubReport, Until, Way
from strongroom.scrub import scrubbing
from strongroom.scrub.wire import CONTROL, GO, LOOK, SCRUB, SEEK, VICTIM, Found, Line, Trouble, Work

DEVICES = "strongroom.scrub.devices"
_PIECES = 8


def main() -> None:
    """Do the work, and tell it in lines."""
    work = msgspec.json.decode(sys.stdin.buffer.readline(), type=Work)
    try:
        _VERBS[work.verb](work, _device(work), scrubbing.deadline(time.monotonic, work.seconds))
    except StrongroomError as e:
        _say(Line(trouble=Trouble(e.subject, e.found, e.wanted, e.hint)))


def _device(work: Work) -> Device:
    kind = part(DEVICES, work.device, "DEVICE", DeviceKind)
    if kind is None:
        raise NotFound("device", work.device[:40], "a kind of device")
    return kind.open(work.uuid, work.options)


def _say(line: Line) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


def _told() -> bytes:
    """What the other side says. Nothing where it is gone."""
    return sys.stdin.buffer.readline()


def _look(_: Work, device: Device, __: Until) -> None:
    _say(Line(standing=device.look()))


def _scrub(work: Work, device: Device, until: Until) -> None:
    standing = device.look()
    _say(Line(standing=standing))
    if _told() != GO:
        return
    begun = ScrubReport(
        uuid=work.uuid, device=work.device, jobs=work.jobs, before=standing, bytes_total=standing.bytes_total
    )
    asked = scrubbing.Asked(bytes.fromhex(work.key), _tags(work), work.every)
    _say(Line(report=scrubbing.scrub(device, begun, asked, until, time.monotonic)))


def _tags(work: Work) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(t) for t in work.tags)


def _hits(*found: tuple[Canary, ...]) -> dict[str, int]:
    hits: dict[str, int] = {}
    for canary in (c for some in found for c in some):
        if canary.words:
            hits[canary.tag] = hits.get(canary.tag, 0) + canary.words
    return hits


def _control(work: Work, device: Device, until: Until) -> None:
    """Plant and find within one process, where nothing clears."""
    gpu = device.open(until)
    tag = bytes.fromhex(work.tag)
    if work.case is Case.SHARED_SAME:
        planted = device.plant_shared(tag)
        heard = device.listen_shared((tag,))
        units, residual, hits = heard.units, heard.residual_words, _hits(heard.canaries)
        _say(Line(found=Found(planted_words=planted, units=units, residual_words=residual, hits=hits, gpu=gpu)))
    else:
        way, size, pieces = (Way.ASYNC, work.bytes, 1) if work.case is Case.POOL else (Way.PLAIN, work.small, _PIECES)
        _say(Line(found=_again(device, tag, way, size, pieces, gpu)))
    device.close()


def _again(device: Device, tag: bytes, way: Way, size: int, pieces: int, gpu: Gpu) -> Found:
    """Get memory, plant, give every second piece back, get as much again and read it. The others hold the granule."""
    blocks = [device.get(way, size) for _ in range(pieces)]
    planted = sum(device.plant(b, tag) for b in blocks)
    for block in blocks[::2]:
        device.drop(block)
    audits = [device.audit(device.get(way, size), (tag,), 4096) for _ in blocks[::2]]
    return Found(
        planted_words=planted,
        scanned_bytes=sum(a.bytes for a in audits),
        residual_words=sum(a.residual_words for a in audits),
        hits=_hits(*(a.canaries for a in audits)),
        gpu=gpu,
    )


def _victim(work: Work, device: Device, until: Until) -> None:
    """Plant, and end as the case has it. Nothing is closed: what a process leaves is what is looked for."""
    device.open(until)
    tag = bytes.fromhex(work.tag)
    if work.case is Case.SHARED_OTHER:
        planted = device.plant_shared(tag)
    else:
        block = device.get(Way.ASYNC if work.case is Case.ASYNC else Way.PLAIN, work.bytes)
        planted = device.plant(block, tag)
        if work.case in {Case.FREED, Case.ASYNC}:
            device.drop(block)
    _say(Line(found=Found(planted_words=planted)))
    _told()  # it stays until it is told, or killed


def _seek(work: Work, device: Device, until: Until) -> None:
    """Read everything that can be had, shared memory first, before anything of its own was there."""
    gpu = device.open(until)
    tags = _tags(work)
    if work.case is Case.SHARED_OTHER:
        heard = device.listen_shared(tags)
        units, residual, hits = heard.units, heard.residual_words, _hits(heard.canaries)
        _say(Line(found=Found(units=units, residual_words=residual, hits=hits, gpu=gpu)))
    else:
        audits = [device.audit(b, tags, work.every) for b in device.take().blocks]
        _say(
            Line(
                found=Found(
                    scanned_bytes=sum(a.bytes for a in audits),
                    residual_words=sum(a.residual_words for a in audits),
                    hits=_hits(*(a.canaries for a in audits)),
                    gpu=gpu,
                )
            )
        )
    device.close()


_VERBS: dict[str, Callable[[Work, Device, Until], None]] = {
    LOOK: _look,
    SCRUB: _scrub,
    CONTROL: _control,
    VICTIM: _victim,
    SEEK: _seek,
}


if __name__ == "__main__":
    main()
