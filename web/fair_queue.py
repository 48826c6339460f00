"""Gradio's queue of events, shared fairly between the network addresses that fill it.

Gradio 6.31: its queue takes events in the order in which they come, from whomever, until it is
full.
"""

from collections import Counter

from fastapi import HTTPException
from gradio.exceptions import Error
from gradio.queueing import Queue

from languages import DEFAULT_LANGUAGE, say, say_plural, speaking

BUSY = say("This server has reached its limit of requests. Wait a moment, then try again.")
UNKNOWN = say("This app has no such function. Load the page again.")


def address_of(request) -> str:
    """The visitor's network address; "" where there is none. uvicorn has taken it from a trusted
    proxy by then.
    """
    return request.client.host if request and request.client else ""


class FairQueue(Queue):
    """Of the places that wait, an address may take as many as it leaves free for others: one alone
    a half, two a third each.

    So a class of thirty behind one address has hundreds of places, and whoever floods the queue
    leaves room for a
    neighbour, whose event is next: of waiting events, one of the address starts that has the fewest
    under way.
    """

    async def push(self, body, request, username):
        """As Gradio's; what can't be answered is refused here, before it waits together with
        others' events.
        """
        function = self.blocks.fns.get(body.fn_index)
        with speaking(self.blocks.function_languages.get(body.fn_index, DEFAULT_LANGUAGE)):
            if function is None:
                return False, str(UNKNOWN), "error"
            self._check_room(address_of(request))
            if function.batch:
                # Of a batch, one visitor's values that can't be read would cost all of them their
                # answer
                try:
                    await self.blocks.preprocess_data(function, list(body.data), None)
                except Error as error:
                    return False, error.message, "error"
        return await super().push(body, request, username)

    def _check_room(self, address):
        """Raises HTTPException 429 where the address may not wait for one more answer."""
        if self.max_size is None:
            return
        waiting = [
            address_of(event.request)
            for queue in self.event_queue_per_concurrency_id.values()
            for event in queue.queue
        ]
        own, free = waiting.count(address), self.max_size - len(waiting)
        if free <= 0:
            raise HTTPException(429, str(BUSY))
        if own >= free:
            raise HTTPException(
                429,
                str(
                    say_plural(
                        "{count} request from your network address is waiting here already. Wait "
                        "until it is answered, then try again.",
                        "{count} requests from your network address are waiting here already. "
                        "Wait until some are answered, then try again.",
                        own,
                    )
                ),
            )

    def compute_analytics_summary(self, records):
        """Nothing: Gradio's page of statistics is closed here. It makes a table of the last ten
        thousand events after each one, a quarter of what a class costs.
        """
        return self.cached_event_analytics_summary

    def get_events(self):
        """As Gradio's, of queues in whose front the event stands whose turn it is."""
        under_way = Counter(
            address_of(event.request) for job in self.active_jobs if job for event in job
        )
        for queue in self.event_queue_per_concurrency_id.values():
            has_room = (
                queue.concurrency_limit is None
                or queue.current_concurrency < queue.concurrency_limit
            )
            if has_room and len(queue.queue) > 1:
                next_one = min(
                    queue.queue, key=lambda event: under_way[address_of(event.request)]
                )  # of equals, the first
                queue.queue.remove(next_one)
                queue.queue.insert(0, next_one)
        return super().get_events()
