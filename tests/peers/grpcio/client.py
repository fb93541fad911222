"""What a program in another language sees of the gRPC API: grpcio's client, as it comes.

Usage: client.py CHECK TARGET KEY [ARGUMENT...]   Prints what was seen as a line of JSON each.
"""

import json
import os
import signal
import sys
import time
from concurrent import futures

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

MESSAGE_LIMIT = 4 * 1024 * 1024


def tell(**seen):
    print(json.dumps(seen), flush=True)


def options(**settings):
    return [(f"grpc.{name}", value) for name, value in settings.items()]


class Api:
    """The services, by the descriptors that the server gives."""

    def __init__(self, target, key, settings=()):
        self.channel = grpc.insecure_channel(target, options=[*settings, ("grpc.default_authority", "localhost")])
        self.metadata = [("x-api-key", key)]

    def learn(self, described=None):
        channel = described or grpc.intercept_channel(self.channel, WithMetadata(self.metadata))
        self.pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        return self

    def call(self, service, method, request=None, **settings):
        service = self.pool.FindServiceByName(service)
        found = service.methods_by_name[method]
        types = [message_factory.GetMessageClass(kind) for kind in (found.input_type, found.output_type)]
        kind = self.channel.unary_stream if found.server_streaming else self.channel.unary_unary
        made = kind(
            f"/{service.full_name}/{method}",
            request_serializer=types[0].SerializeToString,
            response_deserializer=types[1].FromString,
        )
        return made(json_format.ParseDict(request or {}, types[0]()), metadata=self.metadata, **settings)


class WithMetadata(grpc.StreamStreamClientInterceptor):
    def __init__(self, metadata):
        self.metadata = metadata

    def intercept_stream_stream(self, continuation, details, requests):
        return continuation(details._replace(metadata=self.metadata), requests)


INVITATIONS = "entente.connection.v1.InvitationService"
CONNECTIONS = "entente.connection.v1.ConnectionService"
MESSAGES = "entente.connection.v1.MessageService"
EVENTS = "entente.event.v1.EventService"


def details(error):
    """The details of an error, by their names."""
    known = [error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo]
    found = {}
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        for kind in known:
            if detail.Is(kind.DESCRIPTOR):
                message = kind()
                detail.Unpack(message)
                found[kind.__name__] = json_format.MessageToDict(message)
    return found


def refused(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("it was not refused")


def errors(target, key):
    """What is wrong is told in a way that a program understands."""
    api = Api(target, key).learn()
    error = refused(lambda: api.call(INVITATIONS, "GetInvitation", {"id": "x"}))
    tell(code=error.code().name, **details(error))
    error = refused(lambda: api.call(CONNECTIONS, "ListConnections", {"pageSize": -1}))
    tell(code=error.code().name, **details(error))


def retries(target, key, service_config):
    """Before the server is one that is away twice: what may be repeated is, and nothing else."""
    server = grpc.insecure_channel(target)
    attempts = {}

    class Away(grpc.GenericRpcHandler):
        def service(self, call):
            seen = attempts.setdefault(call.method, [])
            seen.append(dict(call.invocation_metadata).get("grpc-previous-rpc-attempts"))

            def handle(request, context):
                if len(seen) <= 2:
                    context.abort(grpc.StatusCode.UNAVAILABLE, "away")
                return server.unary_unary(call.method)(request, metadata=[("x-api-key", key)])

            return grpc.unary_unary_rpc_method_handler(handle)

    proxy = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Away()])
    port = proxy.add_insecure_port("127.0.0.1:0")
    proxy.start()
    with open(service_config) as file:
        config = file.read()
    described = Api(target, key).learn().pool
    api = Api(f"127.0.0.1:{port}", key, options(service_config=config))
    api.pool = described
    api.call(CONNECTIONS, "ListConnections")
    error = refused(lambda: api.call(MESSAGES, "SendPing", {"connectionId": "x"}))
    tell(code=error.code().name, attempts=list(attempts.values()))
    proxy.stop(None)


def health(target, key, pid):
    """Health needs no key; a watch tells of changes, and one of an unknown service stays open."""
    stub = health_pb2_grpc.HealthStub(grpc.insecure_channel(target))
    names = health_pb2.HealthCheckResponse.ServingStatus.Name
    tell(check=names(stub.Check(health_pb2.HealthCheckRequest()).status))
    error = refused(lambda: stub.Check(health_pb2.HealthCheckRequest(service="unknown")))
    tell(unknown=error.code().name)
    known = stub.Watch(health_pb2.HealthCheckRequest(service="readiness"), timeout=60)
    unknown = stub.Watch(health_pb2.HealthCheckRequest(service="unknown"), timeout=60)
    first = [names(next(watch).status) for watch in (known, unknown)]
    tell(first=first, open=unknown.is_active())
    os.kill(int(pid), signal.SIGTERM)
    tell(then=names(next(known).status), open=unknown.is_active())


def balanced(targets, key, service_config, calls):
    """Each address in turn, by the service config."""
    with open(service_config) as file:
        config = file.read()
    api = Api(f"ipv4:{targets}", key, options(service_config=config)).learn()
    made = 0
    for _ in range(int(calls)):
        api.call(CONNECTIONS, "ListConnections", wait_for_ready=True)
        made += 1
    tell(calls=made)


def pings(target, key):
    """A client that pings much more often than most is not sent away."""
    settings = options(keepalive_time_ms=1000, keepalive_timeout_ms=5000, keepalive_permit_without_calls=1)
    settings += [("grpc.http2.max_pings_without_data", 0)]
    api = Api(target, key, settings).learn()
    states = []
    api.channel.subscribe(lambda state: states.append(state.name))
    stream = api.call(EVENTS, "Subscribe", {"heartbeat": "7s"})
    seen = next(stream)
    tell(cursor=str(seen.cursor), active=stream.is_active(), lost=states[states.index("READY") :] != ["READY"])
    stream.cancel()


def sizes(target, key):
    """A message of the largest size is read, and one that is larger by one is refused as too large."""
    api = Api(target, key, options(max_send_message_length=-1)).learn()
    request = message_factory.GetMessageClass(api.pool.FindMessageTypeByName("entente.connection.v1.PreviewInvitationRequest"))
    for size in (MESSAGE_LIMIT, MESSAGE_LIMIT + 1):
        text = "x" * (size - 16)
        while (length := request(invitation=text).ByteSize()) != size:
            text = text + "x" * (size - length) if length < size else text[: size - length]
        error = refused(lambda: api.call(INVITATIONS, "PreviewInvitation", {"invitation": text}))
        tell(size=size, code=error.code().name)


def deadline(target, key, invitation):
    """A call that waits for a peer that is not there, until the caller's time is over."""
    api = Api(target, key).learn()
    began = time.monotonic()
    request = {"invitation": invitation, "wait": "25s"}
    error = refused(lambda: api.call(INVITATIONS, "AcceptInvitation", request, timeout=0.7))
    tell(code=error.code().name, soon=time.monotonic() - began < 10)


def drained(target, key, pid):
    """A stream ends with a cursor, and with when to come again."""
    api = Api(target, key).learn()
    stream = api.call(EVENTS, "Subscribe", {"fromNow": True})
    next(stream)
    os.kill(int(pid), signal.SIGTERM)
    error = refused(lambda: [None for _ in stream])
    tell(code=error.code().name, **details(error))


def socket(target, key):
    """The same over a Unix socket."""
    api = Api(target, key).learn()
    found = api.call(CONNECTIONS, "ListConnections")
    tell(connections=len(found.connections))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
    # The interpreter's own end may wait for ever for a thread of grpcio; all is told by now.
    os._exit(0)
