#pragma once
/*
 * What of lib/limits.h the pairing server's configuration may change: `limits:` of server.yaml, each by the name that stands here.
 * Set once by main, before anything else runs; from then on only read: any thread.
 */
#include <glib.h>

#include "lib/limits.h"

/* TB_SERVER_LIMIT(name, its TB_LIMIT_…, least, most, what it is). The order is that of the manual. */
#define TB_SERVER_LIMITS(TB_SERVER_LIMIT)                                                                    \
        TB_SERVER_LIMIT(sessions, SESSIONS, 1, 10000000, "sessions that exist")                              \
        TB_SERVER_LIMIT(sessions_reserve, SESSIONS_RESERVE, 0, 1000000,                                      \
                        "beyond them, for operators and for networks with next to none")                     \
        TB_SERVER_LIMIT(sessions_newcomer, SESSIONS_NEWCOMER, 0, 1000000,                                    \
                        "what next to none is, of one /24 or /48")                                           \
        TB_SERVER_LIMIT(session_idle_s, SESSION_IDLE_S, 10, 31536000, "s without activity: a session ends")  \
        TB_SERVER_LIMIT(session_max_s, SESSION_MAX_S, 10, 31536000, "s that a session lives at most")        \
        TB_SERVER_LIMIT(session_ttl_s, SESSION_TTL_S, 60, 316224000, "s that a link may be given at most")   \
        TB_SERVER_LIMIT(sessions_shown, SESSIONS_SHOWN, 1, 100000, "sessions in one list, the newest")       \
        TB_SERVER_LIMIT(observers, OBSERVERS, 1, 10000, "of one session")                                    \
        TB_SERVER_LIMIT(phones, PHONES_OF_SESSION, 1, 1000,                                                  \
                        "of one session, where its maker asks for several")                                  \
        TB_SERVER_LIMIT(waiting, WAITING, 1, 1000000, "sockets of one network without an accepted hello")    \
        TB_SERVER_LIMIT(hello_s, HELLO_S, 1, 600, "s until a hello has come")                                \
        TB_SERVER_LIMIT(rival_ms, RIVAL_MS, 100, 60000, "ms of silence: who wants its place has it")         \
        TB_SERVER_LIMIT(joins_per_s, JOINS_PER_S, 1, 100000, "hellos to one session a second")               \
        TB_SERVER_LIMIT(joins, JOINS, 1, 100000, "hellos to one session at once")                            \
        TB_SERVER_LIMIT(messages_per_s, MESSAGES_PER_S, 1, 1000000,                                          \
                        "messages of one socket a second, twice that at once")                               \
        TB_SERVER_LIMIT(bytes_per_s, BYTES_PER_S, 1024, 1073741824,                                          \
                        "bytes of one socket a second, twice that at once")                                  \
        TB_SERVER_LIMIT(message_bytes, WS_MESSAGE, 4096, 16777216, "bytes of one message")                   \
        TB_SERVER_LIMIT(hosts, HOSTS, 1, 100000, "hosts that are connected")                                 \
        TB_SERVER_LIMIT(host_joins_per_s, HOST_JOINS_PER_S, 1, 100000,                                       \
                        "hellos of hosts of one network a second")                                           \
        TB_SERVER_LIMIT(host_joins, HOST_JOINS, 1, 1000000, "hellos of hosts of one network at once")        \
        TB_SERVER_LIMIT(host_keys, HOST_KEYS, 1, 1000000, "names of hosts with their keys")                  \
        TB_SERVER_LIMIT(host_keys_each, HOST_KEYS_EACH, 1, 1000000, "of these of one network")               \
        TB_SERVER_LIMIT(host_key_days, HOST_KEY_DAYS, 1, 3650, "days unseen: a newcomer may take its place") \
        TB_SERVER_LIMIT(host_key_brief_s, HOST_KEY_BRIEF_S, 0, 86400,                                        \
                        "s: who was here for less in all gives way after a day")                             \
        TB_SERVER_LIMIT(enrolments, ENROLMENTS, 1, 100000, "tokens of hosts that admins made")               \
        TB_SERVER_LIMIT(enrol_ttl_s, ENROL_TTL_S, 60, 31536000, "s that one waits for its host at most")     \
        TB_SERVER_LIMIT(users, USERS, 1, 1000000, "accounts of persons")                                     \
        TB_SERVER_LIMIT(groups, GROUPS, 1, 100000, "groups of them")                                         \
        TB_SERVER_LIMIT(logins_each, LOGINS_EACH, 2, 1000, "sign-ins and tokens of one person")              \
        TB_SERVER_LIMIT(login_idle_s, LOGIN_IDLE_S, 60, 31536000, "s without use: a page's sign-in ends")    \
        TB_SERVER_LIMIT(login_max_s, LOGIN_MAX_S, 60, 31536000, "s that one holds at most")                  \
        TB_SERVER_LIMIT(audit_rows, SERVER_AUDIT, 100, 100000000, "rows of the audit log that are kept")     \
        TB_SERVER_LIMIT(registered, REGISTERED, 1, 100000, "hosts that register by HTTP")                    \
        TB_SERVER_LIMIT(registered_of_net, REGISTERED_OF_NET, 1, 100000, "of these of one network")          \
        TB_SERVER_LIMIT(registered_s, REGISTERED_S, 5, 86400, "s without a word of one: it is forgotten")    \
        TB_SERVER_LIMIT(device_list, DEVICE_LIST, 4096, 16777216, "bytes of one host's devices, as JSON")    \
        TB_SERVER_LIMIT(device_lists, DEVICE_LISTS, 4096, 1073741824, "bytes of all that are long")          \
        TB_SERVER_LIMIT(device_list_share, DEVICE_LIST_SHARE, 1024, 16777216,                                \
                        "bytes that each host has for certain")                                              \
        TB_SERVER_LIMIT(device_lists_away, DEVICE_LISTS_AWAY, 0, 1073741824,                                 \
                        "bytes of hosts that have left")                                                     \
        TB_SERVER_LIMIT(device_lists_per_s, DEVICE_LISTS_PER_S, 65536, 268435456,                            \
                        "bytes of lists made anew a second")                                                 \
        TB_SERVER_LIMIT(device_lists_held, DEVICE_LISTS_HELD, 65536, 2147483647,                             \
                        "bytes of lists that are still being read")                                          \
        TB_SERVER_LIMIT(device_lists_of_host_per_s, DEVICE_LISTS_OF_HOST_PER_S, 1, 10000,                    \
                        "lists of one host a second, twice that at once")                                    \
        TB_SERVER_LIMIT(observer_bytes_per_s, OBSERVER_BYTES_PER_S, 1024, 1073741824,                        \
                        "bytes of one observer towards its host a second")                                   \
        TB_SERVER_LIMIT(observer_burst, OBSERVER_BURST, 65536, 1073741824, "the same at once")               \
        TB_SERVER_LIMIT(host_ahead, HOST_AHEAD, 1024, 1073741824,                                            \
                        "bytes in a host's socket: above, observers take turns")                             \
        TB_SERVER_LIMIT(host_backlog, HOST_BACKLOG, 65536, 1073741824,                                       \
                        "bytes that wait for a host: above, observers are refused")                          \
        TB_SERVER_LIMIT(carry_reads, CARRY_READS, 1, 128, "requests that read from one host at once")        \
        TB_SERVER_LIMIT(carry_viewers, CARRY_VIEWERS, 1, 128, "of these of viewers")                         \
        TB_SERVER_LIMIT(carry_reads_each, CARRY_READS_EACH, 1, 128, "of these of one user")                  \
        TB_SERVER_LIMIT(carry_writes_each, CARRY_WRITES_EACH, 1, 128,                                        \
                        "requests of one user that change something")                                        \
        TB_SERVER_LIMIT(db_queue_bytes, DB_QUEUE_BYTES, 65536, 1073741824, "bytes that wait for the store")  \
        TB_SERVER_LIMIT(db_call_ms, DB_CALL_MS, 100, 600000, "ms that a call of the store may take")         \
        TB_SERVER_LIMIT(db_busy_ms, DB_BUSY_MS, 0, 60000, "ms that SQLite waits for another program")        \
        TB_SERVER_LIMIT(db_result, DB_RESULT, 65536, 2147483647, "bytes of one answer of the store")         \
        TB_SERVER_LIMIT(persist_wait_ms, PERSIST_WAIT_MS, 0, 60000,                                          \
                        "ms that a new session waits for the store")

typedef struct TbServerLimits {
#define TB_SERVER_LIMIT(name, macro, least, most, help) guint name;
        TB_SERVER_LIMITS(TB_SERVER_LIMIT)
#undef TB_SERVER_LIMIT
} TbServerLimits;

extern TbServerLimits tb_server_limits; /* the values of lib/limits.h unless they were set */
