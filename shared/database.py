"""The connection pool of a process, when a connection in it is no longer any good, and the short way of its statements.

Core takes 100 us of CPU and more to send a statement (cache key, greenlets, cursor), the driver 20. So a statement
object that comes a second time (a constant of a module, a cached builder's) is compiled once more, for good, and from
then on goes to the driver as its text and arguments; and one that is built anew for each call (a list with its filters)
goes by its shape, as soon as that has come before. The same session, transaction and prepared statements as Core's,
the same types that convert the same values, the same errors; rows are Core's rows. Lists of parameters and expanding IN
go Core's way.

Two more things that a session settles. Statements of handlers are planned once (`plan_cache_mode`): left alone the
server plans each of them anew at every execution, because an array of one makes the plan for it look cheaper than the
plan for any, and planning costs more than most of them; and by the cost of a disk that need not turn, so that a few
rows are fetched by their keys (`random_page_cost`). Lists are planned for their filters, for which there are partial
indexes, so they have a pool of their own. And no statement reads a table from end to end where an index will do
(`enable_seqscan`): a plan that was made while a table was new and empty would else be kept, and read all of it, until
the server has looked at the table again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import asyncpg
import orjson
from sqlalchemy import Select, TextClause, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.types import NullType
from sqlalchemy.util import greenlet_spawn

GONE = frozenset({"57P01", "57P02", "57P03", "25006"})
"""Ended by an administrator, crashed, starting up, or read-only after a failover: the session is of no more use."""
MOST_PREPARED = 500
"""Statements that a session keeps prepared; the least used goes first."""


def make_engine(
    url: str, *, pool_size: int = 10, pool_timeout: float = 2.0, reads: bool = False, **options: Any
) -> AsyncEngine:
    """A bounded pool on asyncpg; a checkout that waits longer than `pool_timeout` seconds fails.

    One that `reads` is for lists and single looks: each of its statements is a transaction of its own.
    """
    planned = {} if reads else {"plan_cache_mode": "force_generic_plan", "random_page_cost": "1.1"}
    if reads:
        options["isolation_level"] = "AUTOCOMMIT"
    core = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        # the last one given back is taken first: its statements are prepared, and the server has its plans at hand
        pool_use_lifo=True,
        pool_timeout=pool_timeout,
        connect_args={
            "server_settings": {
                "application_name": "tieline",
                "jit": "off",
                "enable_seqscan": "off",
                **planned,
            },
            "timeout": 5,
            "prepared_statement_cache_size": MOST_PREPARED,
        },
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        **options,
    )
    engine = DirectEngine(core.sync_engine)
    event.listen(engine.sync_engine, "handle_error", _drop_dead_connection)
    return engine


def _drop_dead_connection(context: ExceptionContext) -> None:
    """The driver reports an ended session as an ordinary error: its SQLSTATE says that the connection is dead."""
    if getattr(context.original_exception, "sqlstate", None) in GONE:
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False


class DirectConnection(AsyncConnection):
    """A connection that sends statements that are built once straight to the driver."""

    _adapter: Any = None
    _dialect: Any = None

    async def start(self, is_ctxmanager: bool = False) -> Any:
        """As SQLAlchemy's. Raises `ConnectionResetError` for a session that was lost while it was being set up."""
        try:
            return await super().start(is_ctxmanager)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
            # Core words the driver's errors as its own everywhere but there
            raise ConnectionResetError(f"lost while it was being set up: {problem}") from problem

    async def execute(self, statement: Any, parameters: Any = None, *, execution_options: Any = None) -> Any:
        """As SQLAlchemy's."""
        given = parameters or {}
        if not execution_options and isinstance(given, dict):
            known = self._known(statement, given)
            if known is not None and known.fits(given):
                return await self._directly(known, given)
        return await super().execute(statement, parameters, execution_options=execution_options)

    def _known(self, statement: Any, given: Mapping[str, Any]) -> "_Plan | None":
        """The plan of a statement that comes a second time, or whose shape does; None at the first time."""
        known: _Plan | None = _plans.get(statement, _NEVER_SEEN)
        if known is _NEVER_SEEN:
            known = _plans[statement] = None if given else _by_shape(statement, self.dialect)
        elif known is None:
            known = _plans[statement] = _plan(statement, given, self.dialect)
        return known

    async def _directly(self, plan: "_Plan", given: Mapping[str, Any]) -> "_Rows":
        """What Core's cursor does, without Core and the cursor."""
        core = self.sync_connection
        if core is None or core.invalidated or self._adapter is None:
            core = await self._opened()
        if not core.in_transaction():
            core._autobegin()  # Core's note of it; nothing is sent
        adapter, dialect = self._adapter, self._dialect
        try:
            if adapter._transaction is None:
                await adapter._start_transaction()
            prepared, attributes = await adapter._prepare(plan.sql, dialect._invalidate_schema_cache_asof)
            found = await prepared.fetch(*plan.arguments(given))
        except Exception as problem:
            await greenlet_spawn(self._tell, problem, plan.sql)
            raise
        except BaseException:
            # cut off in the middle: what the server makes of the statement is unknown, so the session ends here
            adapter._connection.terminate()
            await self.invalidate()
            raise
        return _Rows(plan.shape(attributes), map(tuple, found), prepared.get_statusmsg())

    async def _opened(self) -> Any:
        # of an invalidated connection this raises what Core raises: no statement runs beside its transaction
        self._adapter = (await self.get_raw_connection()).dbapi_connection
        self._dialect = self.dialect
        return self.sync_connection

    def _tell(self, problem: Exception, sql: str) -> None:
        """Raises the error that Core would have raised, and drops the connection where Core would have."""
        core: Any = self.sync_connection
        self._adapter._prepared_statement_cache.pop(sql, None)
        try:
            self._adapter._handle_exception(problem)
        except Exception as translated:
            if isinstance(translated, self._dialect.dbapi.InvalidCachedStatementError):
                self._dialect._invalidate_schema_cache()
            core._handle_dbapi_exception(translated, sql, None, None, None)


class DirectEngine(AsyncEngine):
    """An engine of such connections."""

    _connection_cls = DirectConnection


class _Plan:
    """A compiled statement: its text, where its arguments come from, and how its rows are read."""

    def __init__(
        self, sql: str, binds: Sequence["_Bind"], names: frozenset[str], types: Sequence[Any], dialect: Any
    ):
        self.sql = sql
        self._binds = binds
        self._names = names
        self._types = types
        self._dialect = dialect
        self._shape: SimpleResultMetaData | None = None

    def fits(self, given: Mapping[str, Any]) -> bool:
        """Whether it was compiled for just these parameters."""
        return given.keys() == self._names

    def arguments(self, given: Mapping[str, Any]) -> list[Any]:
        """The driver's arguments, in the order of the text."""
        return [bind.value(given) for bind in self._binds]

    def shape(self, attributes: Sequence[Any]) -> SimpleResultMetaData:
        """The names of the columns, and what turns their values into Python's."""
        if self._shape is None:
            types = self._types or [NullType()] * len(attributes)
            readers = [
                kind.dialect_impl(self._dialect).result_processor(self._dialect, attribute.type.oid)
                for kind, attribute in zip(types, attributes, strict=True)
            ]
            self._shape = SimpleResultMetaData(
                [attribute.name for attribute in attributes], _processors=readers if any(readers) else None
            )
        return self._shape

    def for_constants(self, constants: Sequence[Any]) -> "_Plan":
        """The same plan for a statement of its shape, which differs in its constants, one for each bind."""
        other = copy(self)
        binds = zip(self._binds, constants, strict=True)
        other._binds = [_Bind(bind.name, constant, bind.write) for bind, constant in binds]
        return other

    @property
    def names(self) -> list[str]:
        """The names of its binds, in the order of the text."""
        return [bind.name for bind in self._binds]


class _Core(_Plan):
    """A statement that only Core can send."""

    def __init__(self) -> None:
        super().__init__("", (), frozenset(), (), None)

    def fits(self, given: Mapping[str, Any]) -> bool:
        return False


@dataclass(slots=True)
class _Bind:
    """One argument: given under a name, or a constant of the statement."""

    name: str
    constant: Any
    write: Callable[[Any], Any] | None

    def value(self, given: Mapping[str, Any]) -> Any:
        """As the driver wants it."""
        found = given.get(self.name, self.constant)
        return found if self.write is None else self.write(found)


class _Rows(IteratorResult[Any]):
    """Core's rows over the driver's."""

    def __init__(
        self, shape: SimpleResultMetaData, rows: Iterator[tuple[Any, ...]], status: str | None
    ) -> None:
        super().__init__(shape, rows)
        self._status = status

    @property
    def rowcount(self) -> int:
        """How many rows were written or found; -1 when the server did not say."""
        last = (self._status or "").rpartition(" ")[2]
        return int(last) if last.isdigit() else -1


@dataclass(frozen=True)
class _Shape:
    """The plan of a shape, and at which place of the shape's key each of its binds has its constant."""

    plan: _Plan
    places: Sequence[int]

    @classmethod
    def of(cls, plan: _Plan, key: Any) -> "_Shape":
        """As the first statement of the shape has it."""
        place = {bind.key: nth for nth, bind in enumerate(key.bindparams)}
        return cls(plan, [place[name] for name in plan.names])

    def plan_of(self, key: Any) -> _Plan:
        """The plan of another statement of the shape."""
        binds = key.bindparams
        return self.plan.for_constants([binds[place].effective_value for place in self.places])


_NEVER_SEEN: Any = object()
_MOST_SHAPES = 500
_shapes: dict[Any, _Shape | None] = {}


def _by_shape(statement: Any, dialect: Any) -> "_Plan | None":
    """The plan of a statement that differs from one that came before in nothing but its constants."""
    key = statement._generate_cache_key() if isinstance(statement, Select) else None
    if key is None:
        return None
    shape: _Shape | None = _shapes.get(key.key, _NEVER_SEEN)
    if shape is _NEVER_SEEN:
        if len(_shapes) >= _MOST_SHAPES:
            _shapes.clear()
        _shapes[key.key] = None
        return None
    if shape is None:
        shape = _shapes[key.key] = _Shape.of(_plan(statement, {}, dialect), key)
    return shape.plan_of(key)


_plans: "WeakKeyDictionary[Any, _Plan | None]" = WeakKeyDictionary()


def _plan(statement: Any, given: Mapping[str, Any], dialect: Any) -> _Plan:
    compiled = statement.compile(dialect=dialect, column_keys=sorted(given))
    is_special = compiled.post_compile_params or compiled.literal_execute_params
    is_write = compiled.isinsert or compiled.isupdate
    if is_special or statement.get_execution_options():
        return _Core()
    if is_write and (compiled.insert_prefetch or compiled.update_prefetch):
        return _Core()
    binds = []
    for name in compiled.positiontup or ():
        bind = compiled.binds[name]
        if bind.required and bind.key not in given:
            return _Core()
        writer = bind.type.dialect_impl(dialect).bind_processor(dialect)
        binds.append(_Bind(bind.key, bind.effective_value, writer))
    types = () if isinstance(statement, TextClause) else [c.type for c in statement.exported_columns]
    return _Plan(compiled.string, binds, frozenset(given), types, dialect)
