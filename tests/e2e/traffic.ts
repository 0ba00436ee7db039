/**
 * Traffic of others on the interface under test, as lines of shell that start it and then become
 * the command.
 *
 * @module
 */

/** Sends a datagram to nobody every millisecond, by the far end. */
export const TRAFFIC = `ip address add 192.0.2.9/24 dev veth-fdpass-far
  ip neighbour add 192.0.2.8 lladdr 02:00:00:00:00:01 dev veth-fdpass-far nud permanent
  while :; do echo others >/dev/udp/192.0.2.8/9; read -t 0.001 <> <(:); done &
  exec "$0" "$@"`;

/** Sends a datagram to a group every millisecond, by the far end. */
export const GROUP_TRAFFIC = TRAFFIC.replaceAll("192.0.2.8", "233.252.0.9").replace(
  /ip neighbour.*\n/,
  "ip route add 233.252.0.0/24 dev veth-fdpass-far\n",
);
