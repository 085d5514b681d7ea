# Common parts of the regtest scripts; sourced, never run.
#
# A sandbox lives in one directory: bitcoind/, shop/, customer/ (data and configuration), a *.pid and a *.log for each of
# the three, `ports` and `accounts` (what is kept over restarts), and `env`, which is written last: a directory without it
# holds a set-up that was broken off.
# shellcheck shell=bash

set -euo pipefail

REGTEST=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(dirname "$REGTEST")
DIR=$REGTEST/.run
ARGS=()

NAMES=(URL STORE API_KEY EMAIL PASSWORD DATA PID CONFIG BIN)

say() { printf '%s\n' "$*"; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# Reads --dir from the arguments into DIR and leaves the others in ARGS.
read_dir() {
  while (($#)); do
    case $1 in
      --dir) [[ -n ${2:-} ]] || die "--dir needs a directory"; DIR=$2; shift ;;
      --dir=*) DIR=${1#--dir=} ;;
      *) ARGS+=("$1") ;;
    esac
    shift
  done
  DIR=$(realpath -m -- "$DIR") # one spelling, because processes are known by it
}

# Loads a sandbox that was set up.
load_env() {
  [[ -e $DIR/env ]] || die "no sandbox in $DIR: regtest/up makes one"
  # shellcheck source=/dev/null
  source "$DIR/env"
  BIN=$TOLLWAY_BIN
}

# --- processes -------------------------------------------------------------------------------------------------------

# The command-line words by which each process is known as ours, so that no stranger with a reused pid is killed.
mark_of() {
  case $1 in
    bitcoind) echo "-datadir=$DIR/bitcoind" ;;
    *) echo "serve --config $DIR/$1/config.toml" ;;
  esac
}

pid_of() { cat "$DIR/$1.pid" 2>/dev/null || true; }

is_running() {
  local pid words
  pid=$(pid_of "$1")
  [[ -n $pid && -r /proc/$pid/cmdline ]] || return 1
  mapfile -d '' -t words 2>/dev/null <"/proc/$pid/cmdline" || return 1
  [[ " ${words[*]} " == *" $(mark_of "$1") "* ]]
}

# start NAME COMMAND…: runs it detached, so that it outlives this script, and remembers its pid.
start() {
  local name=$1
  shift
  setsid nohup "$@" </dev/null >>"$DIR/$name.log" 2>&1 9>&- &
  echo $! >"$DIR/$name.pid"
}

# is_gone PID: no thread of it is left, so its files and ports are free. A zombie nobody has collected is gone too.
is_gone() {
  local stat threads
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  threads=("/proc/$1/task/"*)
  [[ ${stat##*) } == Z* && ${#threads[@]} -le 1 ]]
}

# stop NAME [SIGNAL]: ends it and returns when it is gone.
stop() {
  local name=$1 signal=${2:-TERM} end=$((SECONDS + 90)) pid
  is_running "$name" || return 0
  pid=$(pid_of "$name")
  kill -"$signal" "$pid"
  until is_gone "$pid"; do
    ((SECONDS < end)) || die "the $name (pid $pid) doesn't end; see $DIR/$name.log"
    sleep 0.02
  done
}

stop_all() {
  stop shop
  stop customer
  stop bitcoind
}

# until_true SECONDS WHAT COMMAND…: tries until the command succeeds.
until_true() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>"$DIR/last-error"; do
    ((SECONDS < end)) || die "gave up waiting until $what. $(cat "$DIR/last-error")"
    sleep 0.1
  done
}

# --- bitcoind --------------------------------------------------------------------------------------------------------

rpc() {
  "$BIN" dev rpc --host "$BITCOIND_RPC_HOST" --port "$BITCOIND_RPC_PORT" --user "$BITCOIND_RPC_USER" \
    --password "$BITCOIND_RPC_PASSWORD" --wallet "$BITCOIND_RPC_WALLET" "$@"
}

mine() { rpc generatetoaddress "${1:-1}" "$(rpc getnewaddress)" >/dev/null; }

# send ADDRESS BTC, from bitcoind's own wallet.
send() { rpc sendtoaddress "$1" "$2" >/dev/null; }

# send_many COUNT BTC COMMAND…: so many coins of this size in one transaction, each to an address that the command prints.
send_many() {
  local count=$1 btc=$2 addresses=
  shift 2
  for ((; count > 0; count--)); do addresses+=",$("$@"):$btc"; done
  rpc sendmany "" "{${addresses#,}}" >/dev/null
}

# start_bitcoind: starts $BITCOIND if it isn't running, and opens its wallet. Needs its port and password.
start_bitcoind() {
  BITCOIND_RPC_HOST=127.0.0.1 BITCOIND_RPC_USER=sandbox BITCOIND_RPC_WALLET=sandbox
  if ! is_running bitcoind; then
    mkdir -p "$DIR/bitcoind"
    start bitcoind "$BITCOIND" -regtest -datadir="$DIR/bitcoind" -server -listen=0 -addresstype=bech32 -txindex=1 -dbcache=16 \
      -fallbackfee=0.00001 -rpcbind=127.0.0.1 -rpcallowip=127.0.0.1 -rpcport="$BITCOIND_RPC_PORT" \
      -rpcuser="$BITCOIND_RPC_USER" -rpcpassword="$BITCOIND_RPC_PASSWORD" -rpcworkqueue=128 -debuglogfile=0
    until_true 60 "bitcoind answers; its log is $DIR/bitcoind.log" rpc getblockchaininfo
    rpc loadwallet "$BITCOIND_RPC_WALLET" >/dev/null 2>&1 \
      || rpc getwalletinfo >/dev/null 2>&1 \
      || rpc createwallet "$BITCOIND_RPC_WALLET" >/dev/null
    # A new block, too, because bitcoind takes an old tip for a download that isn't finished.
    if (($(rpc getblockcount) == 0)); then mine 120; else mine 1; fi
  fi
  BITCOIND_PID=$(pid_of bitcoind)
}

# --- the two gateways ------------------------------------------------------------------------------------------------

# prefix_of NAME: what the names of this gateway begin with in `env`.
prefix_of() {
  case $1 in
    shop) echo TOLLWAY ;;
    customer) echo CUSTOMER ;;
  esac
}

# of NAME WHAT: one of a gateway's values, as in `of shop URL`.
of() {
  local name
  name=$(prefix_of "$1")_$2
  echo "${!name}"
}

# api NAME METHOD PATH [BODY…] [OPTIONS…]: calls a gateway with its key. A path that begins with `S/` is the store's.
api() {
  local name=$1 method=$2 path=$3
  shift 3
  if [[ $path == S/* ]]; then path=stores/$(of "$name" STORE)/${path#S/}; fi
  "$BIN" dev call "$method" "$(of "$name" URL)/api/v1/$path" --key "$(of "$name" API_KEY)" "$@"
}

node() {
  local name=$1 method=$2 path=$3
  shift 3
  api "$name" "$method" "server/lightning/BTC/$path" "$@"
}

start_gateway() {
  start "$1" "$BIN" serve --config "$DIR/$1/config.toml"
}

# is_answering NAME: its pages are up.
is_answering() { "$BIN" dev call GET "$(of "$1" URL)/api/v1/health"; }

# is_ready NAME: its node has caught up too.
is_ready() { [[ $("$BIN" dev call GET "$(of "$1" URL)/api/v1/health" --get /synchronized) == true ]]; }

# wait_up NAME CHECK: waits for is_answering or is_ready; a gateway that ended meanwhile is shown at once.
wait_up() {
  local name=$1 check=$2 end=$((SECONDS + 90))
  until "$check" "$name" >/dev/null 2>&1; do
    # Not is_running: a process that is just being started isn't known by its words yet.
    if is_gone "$(pid_of "$name")"; then
      tail -n 20 "$DIR/$name.log" >&2
      die "the $name ended while it was starting; its last words are above, all of them in $DIR/$name.log"
    fi
    ((SECONDS < end)) || die "the $name isn't ready after 90 s; see $DIR/$name.log"
    sleep 0.05
  done
}

write_env() {
  local name value
  {
    for gateway in shop customer; do
      for value in "${NAMES[@]}"; do
        name=$(prefix_of $gateway)_$value
        printf '%s=%q\n' "$name" "${!name}"
      done
    done
    for name in HOST PORT USER PASSWORD WALLET; do
      name=BITCOIND_RPC_$name
      printf '%s=%q\n' "$name" "${!name}"
    done
    printf 'BITCOIND_PID=%q\n' "$BITCOIND_PID"
  } >"$DIR/env.new"
  mv "$DIR/env.new" "$DIR/env"
}

# new_invoice NAME SATS: makes an invoice and prints its id.
new_invoice() { api "$1" POST S/invoices amount="$2" currency=SATS --get /id; }

# invoice_half NAME ID METHOD: what a payer of this invoice pays to, BOLT11 or address.
invoice_half() { api "$1" GET "S/invoices/$2/payment-methods" --get "/paymentMethodId=$3/destination"; }

# wait_invoice NAME ID STATUS
wait_invoice() { api "$1" GET "S/invoices/$2" --get /status --wait-for "$3" >/dev/null; }

# --- what the customer does ------------------------------------------------------------------------------------------

# pay_bolt11 BOLT11 [SATS]: returns when the customer's node knows that it is paid; prints the payment.
pay_bolt11() {
  local hash body=("BOLT11=$1")
  if [[ -n ${2:-} ]]; then body+=("amount=${2}000"); fi
  hash=$(node customer POST invoices/pay "${body[@]}" --get /paymentHash)
  node customer GET "payments/$hash" --get /status --wait-for Complete --unless Failed >/dev/null
  node customer GET "payments/$hash"
}

# pay_address ADDRESS BTC: returns when the customer's gateway has sent it; prints the payout.
pay_address() {
  local id
  id=$(api customer POST S/payouts destination="$1" payoutMethodId=BTC-CHAIN amount="$2" approved:=true --get /id)
  api customer GET "S/payouts/$id" --get /state --wait-for InProgress --unless Cancelled >/dev/null
  api customer GET "S/payouts/$id"
}

# pull LNURL [SATS]: withdraws to the customer's node and returns when the money is there; prints what happened.
pull() {
  local options=() answer hash
  if [[ -n ${2:-} ]]; then options=(--sats "$2"); fi
  answer=$("$BIN" dev pull "$1" --url "$CUSTOMER_URL" --key "$CUSTOMER_API_KEY" "${options[@]}")
  hash=${answer#*\"paymentHash\":\"}
  hash=${hash%%\"*}
  node customer GET "invoices/$hash" --get /status --wait-for Paid --unless Expired >/dev/null \
    || die "the link accepted, but hasn't paid yet: $answer"
  say "$answer"
}

# btc SATS: the same amount in BTC, as bitcoind and the API write it.
btc() { printf '%d.%08d\n' $(($1 / 100000000)) $(($1 % 100000000)); }

# --- building --------------------------------------------------------------------------------------------------------

# build [--release]: builds the gateway and sets BIN to where it is.
build() {
  # A cargo that started us has told us of its package; crates that ask for these would be compiled anew each time.
  local told
  for told in "${!CARGO_PKG_@}" "${!CARGO_MANIFEST_@}"; do unset "$told"; done
  BIN=$(cd "$REPO" && cargo build --bin tollway --message-format=json-render-diagnostics "$@" \
    | grep -o '"executable":"[^"]*"' | tail -n 1 | cut -d '"' -f 4)
  [[ -x $BIN ]] || die "cargo built no tollway"
}
