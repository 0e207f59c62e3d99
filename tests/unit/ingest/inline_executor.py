"""An executor that runs its work in the calling thread."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

ArgumentsT = ParamSpec("ArgumentsT")
ResultT = TypeVar("ResultT")


class InlineExecutor(Executor):
    """Runs each submitted function before `submit` returns."""

    def submit(  # type: ignore[override]  # the base's arguments are positional only
        self, call: Callable[ArgumentsT, ResultT], *args: ArgumentsT.args, **kwargs: ArgumentsT.kwargs
    ) -> Future[ResultT]:
        done: Future[ResultT] = Future()
        done.set_result(call(*args, **kwargs))
        return done
