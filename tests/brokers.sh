# Read by tests/run: starts NATS with JetStream and RabbitMQ on free loopback ports, with their data in a temporary
# folder, and stops them by their process ids. They are installed as Debian's packages where they are not here.
# With ONBEHALF_TEST_NATS (nats://HOST:PORT) or ONBEHALF_TEST_AMQP (amqp://HOST:PORT) set, that one is used.

broker_folder=""
broker_pids=""

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

install_brokers() {
    echo "tests/run: installing Debian's packages: $*" >&2
    local sudo=""
    if [ "$(id -u)" -ne 0 ]; then sudo="sudo"; fi
    $sudo apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$@" >&2
}

start_brokers() {
    local missing=""
    if [ -z "${ONBEHALF_TEST_NATS:-}" ] && ! command -v nats-server >/dev/null; then missing="nats-server"; fi
    if [ -z "${ONBEHALF_TEST_AMQP:-}" ] && [ ! -x /usr/lib/rabbitmq/bin/rabbitmq-server ]; then
        missing="$missing rabbitmq-server"
    fi
    if [ -n "$missing" ]; then install_brokers $missing; fi
    broker_folder=$(mktemp -d)
    if [ -z "${ONBEHALF_TEST_NATS:-}" ]; then
        local port
        port=$(free_port)
        nats-server -a 127.0.0.1 -p "$port" -js -sd "$broker_folder/nats" >"$broker_folder/nats.log" 2>&1 &
        broker_pids="$broker_pids $!"
        export ONBEHALF_TEST_NATS="nats://127.0.0.1:$port"
    fi
    if [ -z "${ONBEHALF_TEST_AMQP:-}" ]; then start_rabbitmq; fi
}

# A node of its own: name, ports, cookie, data and port mapper are all of this folder. It needs some seconds to
# answer; the tests that use it wait for it.
start_rabbitmq() {
    local port mapper distribution home=$broker_folder/rabbitmq
    port=$(free_port)
    mapper=$(free_port)
    distribution=$(free_port)
    mkdir -p "$home"
    echo '[].' >"$home/plugins"
    epmd -address 127.0.0.1 -port "$mapper" >"$home/epmd.log" 2>&1 &
    broker_pids="$broker_pids $!"
    env HOME="$home" ERL_EPMD_PORT="$mapper" ERL_EPMD_ADDRESS=127.0.0.1 \
        RABBITMQ_NODENAME="onbehalf-$port@localhost" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 \
        RABBITMQ_NODE_PORT="$port" RABBITMQ_DIST_PORT="$distribution" \
        RABBITMQ_MNESIA_BASE="$home/data" RABBITMQ_LOG_BASE="$home/log" RABBITMQ_CONFIG_FILE="$home/none" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$home/plugins" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}" \
        /usr/lib/rabbitmq/bin/rabbitmq-server >"$home/out" 2>&1 &
    broker_pids="$broker_pids $!"
    export ONBEHALF_TEST_AMQP="amqp://127.0.0.1:$port"
}

# A RabbitMQ that is asked to end while it is still starting may never do so: after twenty seconds it is ended.
stop_brokers() {
    local pid count=0
    for pid in $broker_pids; do kill "$pid" 2>/dev/null || true; done
    for pid in $broker_pids; do
        while kill -0 "$pid" 2>/dev/null && [ "$count" -lt 200 ]; do
            sleep 0.1
            count=$((count + 1))
        done
        if kill -0 "$pid" 2>/dev/null; then
            pkill -KILL -P "$pid" || true
            kill -KILL "$pid" 2>/dev/null || true
        fi
        wait "$pid" 2>/dev/null || true
    done
    if [ -n "$broker_folder" ]; then rm -rf "$broker_folder"; fi
}
