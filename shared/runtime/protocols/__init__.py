"""uvicorn's HTTP/1.1 and WebSocket protocols with the limits that they lack; nothing else extends uvicorn's classes.

They have no public interface for that, so uvicorn is pinned to its minor version. Before it is raised, read what has
changed in the modules and classes below; a test checks that these names exist, and that the list is complete. Callbacks
of asyncio.Protocol, which are public, are left out. ServerProtocol is of websockets, reached through `conn`.

    uvicorn._types                                            ASGI3Application ASGISendEvent
    uvicorn.protocols.http.flow_control                       FlowControl
    uvicorn.protocols.http.httptools_impl                     HttpToolsProtocol RequestResponseCycle
    uvicorn.protocols.websockets.websockets_sansio_impl       WebSocketsSansIOProtocol

    HttpToolsProtocol         connections cycle flow headers loop parser pipeline transport url
    HttpToolsProtocol         timeout_keep_alive timeout_keep_alive_handler timeout_keep_alive_task
    HttpToolsProtocol         on_message_begin on_headers_complete on_body on_message_complete on_response_complete
    HttpToolsProtocol         handle_websocket_upgrade _should_upgrade _start_asgi_task _unset_keepalive_if_required
    RequestResponseCycle      body disconnected keep_alive message_event more_body response_complete response_started
    RequestResponseCycle      transport
    FlowControl               pause_reading read_paused resume_reading
    WebSocketsSansIOProtocol  close_sent config conn handshake_complete handshake_initiated logger loop scope transport
    WebSocketsSansIOProtocol  keepalive_timeout on_task_complete run_asgi send shutdown writable
    ServerProtocol            debug handshake_exc logger

What is relied on besides names:

- `Config.http` may be any callable that takes `config`, `server_state` and `app_state` by keyword.
- A cycle's `receive()` calls `flow.resume_reading()`, waits for `message_event`, and takes `bytes(body)` out of `body`.
- A cycle's `send()` closes `transport` behind the last response, then calls `on_response_complete`.
- `connection_lost` disconnects the newest cycle only, and a response's end starts the next in `pipeline`.
"""
