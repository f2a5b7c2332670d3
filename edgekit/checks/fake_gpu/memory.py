"""The stand-in GPU itself: its memory, its streams, and the copies between it and the host."""

from __future__ import annotations

import ctypes
import itertools
import weakref

import numpy as np

POISON = 0xA5
FIRST_ADDRESS = 0x7F0000000000


class FakeGpu:
    """Memory, streams and copies: the state that all three libraries share. Wrong use is written down in ``wrong``."""

    def __init__(self):
        self.blocks: dict[int, np.ndarray] = {}
        self.freed: dict[int, int] = {}  # address -> bytes of blocks that were given back; no address is used twice
        self.pinned: list = []
        self.queues: dict[int, list] = {}
        self.default: list = []  # work in the default stream, 0: plain copies in that have not arrived, runs
        self.blocking: set[int] = set()  # streams that the default one waits for, and that wait for it
        self.destroyed: set[int] = set()  # streams whose handle means nothing any more; what is queued in them stays so
        self.wrong: list[str] = []
        self.did: list[str] = []
        self._next, self._handles = FIRST_ADDRESS, itertools.count(0x1000, 16)

    # memory
    def take(self, nbytes: int) -> int:
        address, self._next = self._next, self._next + (int(nbytes) // 256 + 2) * 256
        self.blocks[address] = np.full(int(nbytes), POISON, np.uint8)
        return address

    def give_back(self, address: int) -> bool:
        if address not in self.blocks:
            self.wrong.append("device memory is freed that is none, or a second time")
            return False
        self.arrive()
        if any(self.queues.values()):
            self.wrong.append("device memory is freed while work with it is still queued")
        self.freed[address] = len(self.blocks.pop(address))
        return True

    def is_device(self, address: int) -> bool:
        return FIRST_ADDRESS <= address < self._next

    def room(self, address: int) -> int:
        """Bytes from this address to the end of its block; 0 outside of all."""
        for start, data in self.blocks.items():
            if start <= address < start + len(data):
                return start + len(data) - address
        return 0

    def lacks(self, address: int, nbytes: int) -> str:
        """Why so many bytes of device memory cannot be used from this address on, "" if they can."""
        if room := self.room(address):
            return f"has {room} bytes, {nbytes} are needed" if room < nbytes else ""
        freed = any(start <= address < start + size for start, size in self.freed.items())
        return "was freed" if freed else "is none that was asked for"

    def view(self, address: int, nbytes: int) -> np.ndarray | None:
        if nbytes > self.room(address):
            return None
        start = max(a for a in self.blocks if a <= address)
        return self.blocks[start][address - start :][:nbytes]

    def pin(self, array: np.ndarray) -> np.ndarray:
        array.view(np.uint8).reshape(-1)[:] = POISON
        self.pinned.append(weakref.ref(array.base if array.base is not None else array))
        return array

    def is_pinned(self, address: int, nbytes: int) -> bool:
        there = (a for ref in self.pinned if (a := ref()) is not None)
        return any(a.ctypes.data <= address and address + nbytes <= a.ctypes.data + a.nbytes for a in there)

    # streams
    def stream(self, blocking: bool = False) -> int:
        handle = next(self._handles)
        self.queues[handle] = []
        self.blocking |= {handle} if blocking else set()
        return handle

    def destroy(self, handle: int) -> bool:
        """CUDA lets the work in it come to its end, and says nothing of when."""
        if why := self.no_stream(handle):
            self.wrong.append(f"destroy: {why}")
            return False
        self.destroyed.add(handle)
        return True

    def no_stream(self, handle: int) -> str:
        """Why this handle cannot be used, "" if it can."""
        if handle in self.destroyed:
            return "the stream was destroyed before"
        return "" if handle == 0 or handle in self.queues else f"{handle} is no stream of this program"

    def put(self, handle, work, what: str) -> bool:
        self.did.append(what)
        handle = int(handle)
        if why := self.no_stream(handle):
            self.wrong.append(f"{what}: {why}")
            return False
        if handle in self.blocking:
            self.arrive()
        for other in () if handle else self.blocking:
            self._run(self.queues[other])
        (self.queues[handle] if handle else self.default).append(work)
        return True

    def waits_for(self, handle: int) -> bool:
        """Whether all that is queued comes before what is put into this stream now."""
        before = {handle} | (self.blocking if handle == 0 else {0} if handle in self.blocking else set())
        return {h for h, queue in {0: self.default, **self.queues}.items() if queue} <= before

    def arrive(self) -> None:
        """The default stream has done its work."""
        self._run(self.default)

    @staticmethod
    def _run(queue: list) -> None:
        while queue:
            queue.pop(0)()

    def wait(self, handle) -> bool:
        handle = int(handle)
        self.did.append("wait" if handle else "wait for the default stream")
        if why := self.no_stream(handle):
            self.wrong.append(f"wait: {why}")
            return False
        self._run(self.queues[handle] if handle else self.default)
        return True

    def wait_for_all(self) -> None:
        """All streams have done their work, those too whose handles are gone."""
        self.did.append("wait")
        for queue in (self.default, *self.queues.values()):
            self._run(queue)

    # copies
    def copy(self, to_device: bool, device: int, host: int, nbytes: int, handle=None) -> bool:
        """False where CUDA would refuse."""
        what = "copy in" if to_device else "copy out"
        if self.is_device(host) or not self.is_device(device):
            self.wrong.append(f"{what}: an address of the host stands where the device's belongs, or the other way round")
            return False
        if why := self.lacks(device, nbytes):
            self.wrong.append(f"{what}: the device memory behind this address {why}")
            return False
        pinned, queued = self.is_pinned(host, nbytes), handle is not None
        if queued and not pinned:
            self.wrong.append(f"{what}: an asynchronous copy, and the host's memory is not page-locked")
        if to_device and not pinned:  # the driver copies the bytes now, and they arrive on the GPU later
            staged = np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(host)).copy()
            work = lambda: self._place(device, staged, what)
            if queued:
                return self.put(handle, work, what)
            self.did.append(what)
            self.default.append(work)
            return True
        work = lambda: self._move(to_device, device, host, nbytes, what, pinned)
        if queued:
            return self.put(handle, work, what) and (pinned or self.wait(handle))
        self.did.append(what)
        self.arrive()
        work()
        return True

    def _move(self, to_device: bool, device: int, host: int, nbytes: int, what: str, pinned: bool) -> None:
        there = self.view(device, nbytes)
        if there is None or (pinned and not self.is_pinned(host, nbytes)):
            side = "device memory" if there is None else "page-locked memory on the host"
            self.wrong.append(f"{what}: it runs after its {side} was freed")
            return
        here = np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(host))
        there[:], here[:] = (here, here) if to_device else (there, there)

    def _place(self, device: int, staged: np.ndarray, what: str) -> None:
        there = self.view(device, len(staged))
        if there is None:
            self.wrong.append(f"{what}: it runs after its device memory was freed")
        else:
            there[:] = staged

    def left(self) -> int:
        """Blocks of device memory that nobody gave back."""
        return len(self.blocks)
