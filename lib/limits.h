#pragma once
/*
 * Every number that bounds what a peer, a user or a device can make us hold, wait or do. Each has a test at
 * limit + 1.
 */
#include "lib/limits_find.h"
#include "lib/limits_recorder.h"

/* HTTP */
/* bytes of a JSON or SDP body; streamed bodies are not bounded by it */
#define TB_LIMIT_HTTP_BODY (1024 * 1024)
#define TB_LIMIT_HTTP_HEADERS (32 * 1024)              /* bytes of request line + headers */
#define TB_LIMIT_HTTP_CONNECTIONS 2048                 /* host, at once */
#define TB_LIMIT_HTTP_REFUSALS_SAID 100                /* log lines of one status to one address in 10 s */
#define TB_LIMIT_HTTP_LINGERING 64                     /* refused connections that may still read why */
#define TB_LIMIT_HTTP_ANSWERS (64 * 1024 * 1024)       /* bytes of answers that nobody has read yet, in all */
#define TB_LIMIT_HTTP_ANSWERS_OF_ONE (8 * 1024 * 1024) /* of who asks; then he has to read first */
#define TB_LIMIT_HTTP_READ_FIRST_S 5                   /* how long they wait */
#define TB_LIMIT_HTTP_BODIES (32 * 1024 * 1024)        /* bytes of bodies that are collected, in all */
#define TB_LIMIT_HTTP_BODIES_OF_ONE (8 * 1024 * 1024)  /* of who asks */
#define TB_LIMIT_HTTP_PAGES (16 * 1024 * 1024)         /* bytes of pages that are kept in memory */
#define TB_LIMIT_HTTP_IDLE_S 60                        /* keep-alive connection without a request */
#define TB_LIMIT_HTTP_REQUEST_S                                                                              \
        60 /* from a request's first line to the end of its head, and of a body that is no stream */
#define TB_LIMIT_JSON_DEPTH 32     /* nesting */
#define TB_LIMIT_JSON_VALUES 16384 /* in one text: some 2 ms */
#define TB_LIMIT_URI 4096          /* bytes of an attach URI or a request target */

/* WebSocket and event streams */
#define TB_LIMIT_WS_MESSAGE (256 * 1024) /* bytes of one message, unless the endpoint says less */
#define TB_LIMIT_CHANNEL_MESSAGE 65536   /* of a data channel: GStreamer 1.22 takes larger ones in pieces */
#define TB_LIMIT_WS_UNSENT (8 * 1024) /* bytes not sent yet, in the kernel, of a socket that is kept short */
#define TB_LIMIT_WS_QUEUE (4 * 1024 * 1024) /* bytes waiting for a reader that stopped: then it is cut */
/* one turn of one socket: then it is everybody else's turn */
#define TB_LIMIT_WS_TURN_BYTES (32 * 1024) /* read */
#define TB_LIMIT_WS_TURN_FRAMES 32         /* read */
#define TB_LIMIT_WS_TURN_US 250            /* spent on reading, the callbacks' work included */
#define TB_LIMIT_WS_TURN_OUT (256 * 1024)  /* bytes sent */
#define TB_LIMIT_WS_FRAMES_PER_S 4000      /* of one socket, as many at once: it waits for more */
#define TB_WS_EMPTY_COST 20                /* frames that a control frame, an empty one or a part counts as */
#define TB_LIMIT_WS_HELLO 4000             /* bytes of a message of one who has not said who it is */
#define TB_LIMIT_EVENTS_MESSAGE 1024       /* bytes of what a reader of events says: a ping */
#define TB_LIMIT_WS_EARLY 4096             /* bytes that may come before our 101 */
#define TB_LIMIT_WS_PING_S 20              /* a silent peer is pinged; two missed pings end it */
#define TB_LIMIT_HTTP_STREAMS 1024       /* event streams, MJPEG streams and WebSockets of one host at once */
#define TB_LIMIT_SSE_QUEUE (1024 * 1024) /* bytes waiting for an event-stream reader */
#define TB_LIMIT_UNREAD (128 * 1024 * 1024)       /* bytes waiting for all of these, whoever they are */
#define TB_LIMIT_UNREAD_OF_ONE (32 * 1024 * 1024) /* and of these of one user or network */

/* TLS (lib/tls.h, lib/http/tls_front.h) */
#define TB_LIMIT_TLS_ENDS_SOON_S (14 * 86400) /* a certificate that ends within is warned of */
#define TB_LIMIT_TLS_FILE (1024 * 1024)       /* bytes of a certificate's file, of a key's */
#define TB_LIMIT_TLS_HANDSHAKES 256       /* under way on one port: then the oldest of who has most goes */
#define TB_LIMIT_TLS_HANDSHAKE_S 10       /* for one of them */
#define TB_LIMIT_TLS_TURN (64 * 1024)     /* bytes of one connection in one direction in a turn */
#define TB_LIMIT_TLS_BETWEEN (128 * 1024) /* bytes on the way between TLS and HTTP, each way */
#define TB_LIMIT_TLS_STALL_S 10   /* a client that takes nothing of the rest, whose sender has closed */
#define TB_LIMIT_TLS_CLOSE_S 2    /* to read our last words */
#define TB_LIMIT_TLS_DRAIN_MS 400 /* the same for all when the daemon ends */
#define TB_LIMIT_OWN_ADDRESSES 16 /* of this machine that are told, and that its own certificate is for */

/* descriptors */
/* that are used, of however many the system gives: a look at the last one makes the kernel's table that long */
#define TB_LIMIT_DESCRIPTORS 65536
#define TB_LIMIT_DESCRIPTORS_KEPT 512 /* that no connection gets; a quarter of all where those are few */
#define TB_LIMIT_DESCRIPTORS_SPARE 16 /* that are left when a turn, or something of a device, begins */

/* what is written at a sender's rate (lib/tally.h) */
#define TB_LIMIT_TALLY_KEYS 256 /* kinds that are counted each on their own */
#define TB_LIMIT_TALLY_SAID 5   /* lines of one kind in a window, then it is counted */
#define TB_LIMIT_TALLY_S 10     /* length of the window */

/* names, labels, config */
#define TB_LIMIT_ID 64                   /* bytes of a device id or interface name: [a-z0-9][a-z0-9._-]* */
#define TB_LIMIT_VERB (TB_LIMIT_ID + 32) /* bytes of "<interface>.<op>" */
#define TB_LIMIT_TOPIC (2 * TB_LIMIT_ID + 32) /* bytes of a topic of subscriptions: "console:board/uart1" */
#define TB_LIMIT_UNIT 32                      /* bytes of a sample's unit */
#define TB_LIMIT_QUANTITY 64                  /* bytes of a sample's quantity */
#define TB_LIMIT_DETAIL 4096                  /* bytes of an error's detail */
#define TB_LIMIT_FIELD 256                    /* bytes of the name of the field that an error blames */
#define TB_LIMIT_JSON_INT ((1LL << 53) - 1)   /* largest whole number that every reader of JSON keeps whole */
#define TB_LIMIT_LABEL 200                    /* bytes of a label or note */
#define TB_LIMIT_ENV_DEVICES 12               /* that the environment can name: DEVICE1_NAME … */
#define TB_LIMIT_ENV_NAMES 64                 /* variables without a meaning that are said by name */
#define TB_LIMIT_ENV_HOST 253                 /* bytes of an address there */
#define TB_LIMIT_DEVICES 256                  /* per host */
#define TB_LIMIT_INTERFACES 32                /* per device */
#define TB_LIMIT_TOKEN_MIN 16                 /* bytes of an access token at least */
#define TB_LIMIT_TOKEN 256                    /* and at most */
#define TB_LIMIT_CONFIG_FILE (1024 * 1024)    /* bytes */

#define TB_LIMIT_SAVE_RETRY_FIRST_MS 500 /* pause after a save that failed; doubles */
#define TB_LIMIT_SAVE_RETRY_MS 30000     /* and at most */
#define TB_LIMIT_AUDIT_WAIT_MS 10     /* main waits so long for a line, once, until the disk has caught up */
#define TB_LIMIT_AUDIT_WAITS_US 20000 /* and in each second for all of them */
#define TB_LIMIT_AUDIT_QUEUE (1024 * 1024) /* bytes of lines that wait for the disk; more are counted */
#define TB_LIMIT_DISK_LATE_MS 2000         /* a disk that has not answered for so long: callers are told */
#define TB_LIMIT_DISK_WORKS                                                                                  \
        (8 * 1024 * 1024)                 /* bytes of other things that wait for the disk; more are lost */
#define TB_LIMIT_DISK_STOP_MS 500         /* what the end waits for the disk */
#define TB_LIMIT_AUDIT (16 * 1024 * 1024) /* bytes of audit.jsonl; then it is audit.1.jsonl */
#define TB_LIMIT_REFUSALS_SAID 10 /* refused commands of one user that are written one by one, in … */
#define TB_LIMIT_REFUSALS_MS 10000
#define TB_LIMIT_STATE_FILE (16 * 1024 * 1024) /* bytes of a file that keeps state */
#define TB_LIMIT_STATE_KEPT 32                 /* files kept aside of one name within a millisecond */

/* commands and events */
#define TB_LIMIT_QUEUE 64         /* commands waiting for one worker: then 429 */
#define TB_LIMIT_QUEUE_OF_USER 48 /* and of these of one user */
#define TB_LIMIT_QUEUE_WATCHED 32 /* and of these of viewers: the rest is for who controls */
#define TB_LIMIT_QUEUE_OF_VIEWER 16
#define TB_LIMIT_KNOWN_MS 2000  /* a read that waits for its lane so long is answered with what is known */
#define TB_LIMIT_JOINED 2048    /* callers that wait for one read of a state, or for one emergency */
#define TB_LIMIT_QUEUE_URGENT 8 /* emergencies, beside these: one waits for each switch */
#define TB_LIMIT_LANE_BYTES (256 * 1024) /* told by one lane and not yet seen by main: then the lane waits */
#define TB_LIMIT_FAULTS 8 /* that a driver tells, or takes back, at once; then one a second, the latest */
#define TB_LIMIT_TURN_US                                                                                     \
        2000 /* that main spends on what threads told it, or on requests, before it looks elsewhere */
#define TB_LIMIT_BUS_REPLAY 4096              /* events kept for Last-Event-ID */
#define TB_LIMIT_BUS_BYTES (16 * 1024 * 1024) /* of them, about */
#define TB_LIMIT_BUS_AT_ONCE 64             /* readers that a publisher tells itself, in a turn of the loop */
#define TB_LIMIT_BUS_WAITING 4096           /* events that wait for their readers' turns */
#define TB_LIMIT_BUS_PASSING 512            /* samples and lines among these: then the latest wins */
#define TB_LIMIT_BUS_VIEWERS 512            /* of these, viewers that came or left */
#define TB_LIMIT_BUS_REFUSALS 256           /* of these, commands that were refused or failed */
#define TB_LIMIT_BUS_PHONES 1024            /* of these, of phones */
#define TB_LIMIT_COMMAND_S 600              /* longest timeout_s that a caller may ask for */
#define TB_LIMIT_EXPECT_PATTERN 1024        /* bytes of a regular expression */
#define TB_LIMIT_EXPECT_WINDOW (256 * 1024) /* bytes that a match may have at least, and twice that at most */
#define TB_LIMIT_EXPECT_QUIET_MS 1000   /* a console that says nothing for so long has ended what it said */
#define TB_LIMIT_EXPECT_STEPS 2000000   /* of the matcher at one place: then the pattern is refused */
#define TB_LIMIT_EXPECT_PLACE_US 100000 /* of CPU at one place: then, too */
#define TB_LIMIT_EXPECT_HEAP_KB (32 * 1024) /* of the matcher's memory of where it may go back to */
#define TB_LIMIT_JOB_THREADS 2              /* that compute for callers */
#define TB_LIMIT_JOB_TURN_US 4000           /* of one job before the next one's */
#define TB_LIMIT_JOB_TURNS 25               /* of one job before the next one of the same user */
#define TB_LIMIT_JOBS 192                   /* at once, with shares (lib/places.h) */
#define TB_LIMIT_INPUT_EVENTS 256           /* per input call */
#define TB_LIMIT_INPUT_TEXT 4096            /* bytes of one text event */
#define TB_LIMIT_INPUT_HELD 64              /* keys that one connection holds */
#define TB_LIMIT_CLIPBOARD (256 * 1024)     /* bytes of text; longer ones do not pass */
#define TB_LIMIT_CLIPBOARD_MS 100           /* between two words that there is another text */
#define TB_LIMIT_INPUT_REST_MS 1000 /* that a key stays down after a call by REST without another one */
#define TB_LIMIT_HOLD_MS                                                                                     \
        10000 /* of silence, at most, that a viewer may ask for before what it holds comes up */
#define TB_LIMIT_INPUT_AGE_MS 1000    /* older input is dropped, and said */
#define TB_LIMIT_COMMAND_AGE_MS 10000 /* the same of any other command */
#define TB_LIMIT_RFB_SILENT_MS 3000   /* that a VNC server may take to read what was typed */
#define TB_LIMIT_SWIPE_MS 10000
#define TB_LIMIT_UI_DUMP (1024 * 1024)          /* bytes of a phone's screen as uiautomator writes it */
#define TB_LIMIT_UI_ELEMENTS 2048               /* of one screen; some 7 JSON values each */
#define TB_LIMIT_COMPAT_WAIT_MS 60000           /* pause behind a command that VirtualPyTest asks for */
#define TB_LIMIT_SHELL_OUTPUT (8 * 1024 * 1024) /* bytes of stdout and of stderr of one shell call */
#define TB_LIMIT_WRITE_TURN_MS                                                                               \
        1000 /* of a lane for one write to a console: then it is another command's turn */
#define TB_LIMIT_WRITE_STALL_MS 10000 /* a console took nothing for so long: who wrote is told */
#define TB_LIMIT_WRITE_KEPT_MS                                                                               \
        600000 /* what a client has sent and left waits so long for a line that is held */
#define TB_LIMIT_CONSOLE_WRITE (1024 * 1024) /* bytes of one write */
#define TB_LIMIT_TERMINAL_SIDE 1000          /* columns, or rows, of a terminal */
#define TB_LIMIT_BREAK_MS 5000
#define TB_LIMIT_CYCLE_OFF_S 120
#define TB_LIMIT_SAMPLES 256         /* samples in one POST */
#define TB_LIMIT_SAMPLES_KEPT 600    /* of each sensor stream, in memory */
#define TB_LIMIT_STEP_MS 10000       /* what came before those is kept by steps of this length */
#define TB_LIMIT_STEPS 360           /* so many of them of each stream: an hour */
#define TB_LIMIT_LONG_STEP_MS 120000 /* and by these */
#define TB_LIMIT_LONG_STEPS 720      /* so many: a day */
#define TB_LIMIT_SENSORS_FILE                                                                                \
        (8 * 1024 *                                                                                          \
         1024) /* bytes of a file of what sensors said; then it becomes …1.jsonl, whose predecessor goes */
#define TB_LIMIT_SENSORS_UNSAVED 256 /* seconds of one stream that wait for that; then it is done at once */
#define TB_LIMIT_SAMPLES_ANSWER                                                                              \
        8192                 /* samples in one answer: what was asked for shares them, the newest are given */
#define TB_LIMIT_STREAMS 128 /* sensor streams per interface */
#define TB_LIMIT_SENSOR_LINE 4096         /* bytes of a line that a sensor sends */
#define TB_LIMIT_SCRAPE (4 * 1024 * 1024) /* bytes of what a target of Prometheus says of itself */
#define TB_LIMIT_MQTT_QUEUE 1024          /* messages that wait for the lane of one attachment */
#define TB_LIMIT_SENSOR_MS_MIN 100        /* shortest sampling interval */
#define TB_LIMIT_MQTT_PAYLOAD (64 * 1024) /* of a message that is read */
/* telescopes */
#define TB_LIMIT_SKY_TEXT 32     /* bytes of a place in the sky as somebody writes it */
#define TB_LIMIT_MOUNT_MOVE_S 10 /* of one move by hand: who falls silent moves nothing for longer */
#define TB_LIMIT_MOUNT_EXPOSURE_MS 600000
#define TB_LIMIT_SAMPLE_AHEAD_MS 3600000            /* that a sample's own time may be ahead of our clock */
#define TB_LIMIT_MOUNT_TELL_MS 250                  /* between two states on the bus, at least */
#define TB_LIMIT_SEESTAR_LINE (1024 * 1024)         /* bytes of one answer or event of its control */
#define TB_LIMIT_SEESTAR_PICTURE (50 * 1024 * 1024) /* bytes of one frame of its imaging, also unpacked */
#define TB_LIMIT_SEESTAR_SILENT_MS 10000 /* without a word, although it is asked every three seconds: gone */
#define TB_LIMIT_SEESTAR_DOINGS 16       /* kinds of long work whose state is kept */
#define TB_LIMIT_DEVICE_ANSWER (64 * 1024) /* bytes of one HTTP answer of a plug or a PDU */

#define TB_LIMIT_CONSOLE_PARTING 64  /* WebSockets that were closed, and whose last bytes wait for a device */
#define TB_LIMIT_CONSOLE_READERS 128 /* sockets, streams and subscriptions of one console */

/* leases */
#define TB_LIMIT_LEASE_S (24 * 3600)
#define TB_LIMIT_LEASE_WAIT_S 600
#define TB_LIMIT_LEASE_WAITERS 32        /* per device */
#define TB_LIMIT_LEASE_WAITERS_OF_USER 8 /* of these */

/* history on disk */
/* bytes of one console's history on disk, with the places of its lines; the oldest segment goes first */
#define TB_LIMIT_HISTORY (64 * 1024 * 1024)
#define TB_LIMIT_HISTORY_SEGMENT (4 * 1024 * 1024)
#define TB_LIMIT_HISTORY_OFFSET                                                                              \
        (TB_LIMIT_JSON_INT / 2)              /* of a file's end that is believed: as much may follow */
#define TB_LIMIT_HISTORY_BEHIND (256 * 1024) /* bytes that wait for the disk: then the device waits */
#define TB_LIMIT_LOG_LINES 10000             /* lines of one answer */
#define TB_LIMIT_LOG_BYTES (1024 * 1024)     /* and what they say: the last line may begin below it */
/* bytes of lines that are collected for all callers: above, an answer ends early, and says where it goes on */
#define TB_LIMIT_LOGS_HELD (32 * 1024 * 1024)

/* media */
#define TB_LIMIT_VIDEO_SIDE 8192 /* pixels of width or height */
#define TB_LIMIT_FPS 120
#define TB_LIMIT_SOUND_RATE_MIN 8000 /* Hz */
#define TB_LIMIT_SOUND_RATE 192000
#define TB_LIMIT_SOUND_CHANNELS 8
#define TB_LIMIT_SOUND_BLOCK_MS 200   /* that one block of sound may last */
#define TB_LIMIT_SOUND_BEHIND_MS 2000 /* of sound that waits for who writes it somewhere; more is lost */
#define TB_LIMIT_OPUS_BEHIND 25       /* packets of sound that wait for main: then the oldest is lost */
#define TB_LIMIT_VIEWERS 32           /* WebRTC peers of one host, if the configuration says nothing */
#define TB_LIMIT_UNCONNECTED_MS                                                                              \
        1000 /* that an offer has to be connected before another one may take its place */
#define TB_LIMIT_CODED_UNITS                                                                                 \
        60 /* encoded pictures that wait for main: then they are left out up to the next keyframe */
#define TB_LIMIT_MJPEG_VIEWERS 32
#define TB_LIMIT_LINK_UNSENT                                                                                 \
        (16 * 1024) /* bytes in the kernel that it has not sent yet, of the host's line to the server */
#define TB_LIMIT_RELAY_UNITS                                                                                 \
        (64 * 1024) /* bytes that wait for an observer: then encoded pictures are left out */
#define TB_LIMIT_RELAY_SOUND                                                                                 \
        (96 * 1024) /* bytes that wait for an observer, or on the host's line: then sound is left out, too */
#define TB_LIMIT_RELAY_PICTURE (200 * 1024) /* bytes of a picture that goes by the pairing server */
#define TB_LIMIT_VNC_CLIENTS 32
#define TB_LIMIT_VNC_SHARED                                                                                  \
        (16 * 1024 * 1024) /* bytes that one screen keeps encoded for its VNC viewers; the oldest make room */
#define TB_LIMIT_VNC_MESSAGE                                                                                 \
        (4 * 1024 * 1024)      /* bytes of what a VNC viewer says at once; a longer one ends its session */
#define TB_LIMIT_NET_RANGES 64 /* ranges of addresses in one list of a configuration */
#define TB_LIMIT_BANNER 1024   /* bytes that a console's port says to whoever connects */
#define TB_LIMIT_NETSERIAL_IDLE_S 604800 /* longest idle time-out of such a port */
#define TB_LIMIT_PDU_CLIENTS 32          /* of pdudaemon's TCP protocol at once */
#define TB_LIMIT_PDU_REQUEST 512         /* bytes of one request of theirs */
#define TB_LIMIT_PDU_SILENT_MS 5000      /* that one may say nothing */
#define TB_LIMIT_CONSOLE_RELEASE_S 86400 /* longest that a tty is lent to a program of the host */
#define TB_LIMIT_NETSERIAL_CLIENTS 64    /* RFC 2217 and bare TCP, of one host */
#define TB_LIMIT_NETSERIAL_LAST_MS                                                                           \
        10000 /* that one who has closed its side has to read what is left for it */
#define TB_LIMIT_NETSERIAL_TURN (256 * 1024) /* bytes for one of them before it is everybody else's turn */
#define TB_LIMIT_SDP (64 * 1024)             /* bytes */
#define TB_LIMIT_CANDIDATES 64               /* per peer, and again when its ICE begins anew */
#define TB_LIMIT_WHEP_GONE 256               /* sessions that have ended, of which a DELETE is answered 200 */

/* testbed-host and its child testbed-media */
#define TB_LIMIT_LINK_UNIT (4 * 1024 * 1024)                   /* bytes of one encoded picture */
#define TB_LIMIT_LINK_MESSAGE (TB_LIMIT_LINK_UNIT + 64 * 1024) /* bytes of one message */
#define TB_LIMIT_LINK_UNITS (8 * 1024 * 1024)  /* bytes waiting above which pictures are left out */
#define TB_LIMIT_LINK_QUEUE (32 * 1024 * 1024) /* bytes waiting for the other side, of everything */
#define TB_LIMIT_LINK_PEER TB_LIMIT_WS_QUEUE   /* of them of one peer: then it is closed */
#define TB_LIMIT_MEDIA_RESTART_MS 5000         /* longest pause before it is started again */
#define TB_LIMIT_MEDIA_CRASHES 10              /* in a row; then the pauses go on growing, */
#define TB_LIMIT_MEDIA_START_MS 5000           /* an offer waits so long for GStreamer's start */
#define TB_LIMIT_MEDIA_PAUSE_MS 60000          /* up to this */
#define TB_LIMIT_MEDIA_PINGS 6                 /* without an answer, two a second: it hangs */
#define TB_LIMIT_MEDIA_LOG 500                 /* its lines in TB_LIMIT_LOG_WINDOW_MS; the rest is counted */
#define TB_LIMIT_LOG_WINDOW_MS 10000
#define TB_LIMIT_MEDIA_START_S 60 /* until it says that it is ready */

/* transports */
#define TB_LIMIT_LINE (64 * 1024)          /* bytes of one line of a text protocol */
#define TB_LIMIT_REPLY (16 * 1024 * 1024)  /* bytes of one device reply that is held in memory */
#define TB_LIMIT_FOLDER_ENTRIES 50000      /* of one listing of a device's folder */
#define TB_LIMIT_PACKAGE ((gint64)4 << 30) /* bytes of one app package */
#define TB_LIMIT_OPEN_RETRY_MS 10000       /* longest pause between attempts to reach a lost device */
#define TB_LIMIT_DISPLAY_RETRY_MS 1000     /* the same for an X display: its server is back in a moment */

/* discovery (drivers/transport/finder.h) */
#define TB_LIMIT_FOUND 256         /* what one driver's discovery tells of at once */
#define TB_LIMIT_FOUND_URI 512     /* bytes of its attach URI: what is longer is left out, never cut */
#define TB_LIMIT_FOUND_TEXT 256    /* bytes of a text in its properties and events: a serial, a model */
#define TB_LIMIT_FOUND_PER_S 20    /* of one discovery that came, changed or went, in the long run */
#define TB_LIMIT_FOUND_BURST 64    /* … at once */
#define TB_LIMIT_LOOK_PAUSE_MS 200 /* shortest from one look to the next */
#define TB_LIMIT_GPIO_LINES 64     /* of one attachment */
#define TB_LIMIT_EDGES_PER_S 100   /* changes of the inputs of one attachment that are told as events */
#define TB_LIMIT_PULSE_MS 60000    /* how long a line may be pressed */
#define TB_LIMIT_SCPI_MESSAGE 4096 /* bytes of what an instrument is asked */
#define TB_LIMIT_SCPI_REPLY                                                                                  \
        (1024 * 1024) /* bytes of its answer, with its newline: a screenshot, a waveform */
#define TB_LIMIT_LAN_SEEN                                                                                    \
        256 /* services, their addresses, answers to broadcasts that are remembered: of each */
#define TB_LIMIT_LAN_WAYS 32 /* network interfaces that are searched */

/* pairing server */
#define TB_LIMIT_SESSIONS 20000
#define TB_LIMIT_SESSIONS_RESERVE 2000 /* beyond them, for operators and for networks with next to none */
#define TB_LIMIT_SESSIONS_NEWCOMER 20  /* what "next to none" is, of one /24 or /48 */
#define TB_LIMIT_WAITING 512           /* sockets without an accepted hello at once, per network */
#define TB_LIMIT_OBSERVERS 32          /* per session */
#define TB_LIMIT_PHONES_OF_SESSION 8   /* where its maker asks for several */
#define TB_LIMIT_HOST_OBSERVERS (4 * TB_LIMIT_OBSERVERS) /* of one host, with shares (lib/places.h) */
#define TB_LIMIT_SEAT_AWAY_S 20     /* that who has a lease by a link may be away: then it ends */
#define TB_LIMIT_OBSERVER_AWAY_S 45 /* that a host keeps one whom its server, back again, does not name */
#define TB_LIMIT_RIVAL_MS 3000      /* without a sign of life: who wants its place has it */
#define TB_LIMIT_HELLO_S 10
#define TB_LIMIT_SESSION_IDLE_S 600
#define TB_LIMIT_SESSION_MAX_S (24 * 3600)
#define TB_LIMIT_SESSION_TTL_S (366 * 86400)   /* that a link may be given; "until revoked" has no end */
#define TB_LIMIT_SESSIONS_SHOWN 1000           /* in one answer, the newest */
#define TB_LIMIT_HOLDER 200                    /* bytes of who has a device, as its host says */
#define TB_LIMIT_PERSON 64                     /* bytes of the name of who is in a session */
#define TB_LIMIT_CHAT 500                      /* bytes of what one says there at once */
#define TB_LIMIT_CHAT_LINES 50                 /* of these that who comes later reads */
#define TB_LIMIT_TELEMETRY 1000                /* reports of connections that are kept */
#define TB_LIMIT_TELEMETRY_SHOWN 200           /* of them in one answer */
#define TB_LIMIT_REPORTS_PER_MINUTE 60         /* of one session's pages, and so many at once */
#define TB_LIMIT_SESSIONS_PER_MINUTE 30        /* creations per address */
#define TB_LIMIT_REFUSALS_PER_MINUTE 600       /* sockets without an accepted hello, per address */
#define TB_LIMIT_MESSAGES_PER_S 200            /* per socket */
#define TB_LIMIT_BYTES_PER_S (4 * 1024 * 1024) /* per socket */
#define TB_LIMIT_HOSTS 256
#define TB_LIMIT_REGISTERED 256           /* hosts that register by HTTP, at once */
#define TB_LIMIT_REGISTERED_OF_NET 64     /* of these of one network */
#define TB_LIMIT_REGISTERED_S 120         /* without a word from one: it is forgotten */
#define TB_LIMIT_DEVICE_LIST (160 * 1024) /* bytes of one host's devices, as JSON text */
/* of all hosts together, for those that are longer than what every host has room for */
#define TB_LIMIT_DEVICE_LISTS (8 * 1024 * 1024)
#define TB_LIMIT_DEVICE_LIST_SHARE (16 * 1024)
#define TB_LIMIT_DEVICE_LISTS_AWAY                                                                           \
        (4 * 1024 * 1024) /* of hosts that have left; the longest away goes first */
#define TB_LIMIT_DEVICE_LISTS_PER_S                                                                          \
        (16 * 1024 * 1024) /* bytes made anew for who asks, four times that at once */
#define TB_LIMIT_DEVICE_LISTS_HELD (96 * 1024 * 1024) /* bytes of what was made and is still being read */
#define TB_LIMIT_DEVICE_LISTS_OF_HOST_PER_S 10        /* messages `devices` of one host, twice that at once */
#define TB_LIMIT_LIST_VIEWS 256    /* lists as somebody sees them, kept once for all who see the same */
#define TB_LIMIT_LIST_READERS 8192 /* who is told of changes of lists */
#define TB_LIMIT_LIST_FIRST                                                                                  \
        (64 * 1024) /* bytes of rows that a reader is sent at first: more he gets by GET */
#define TB_LIMIT_LIST_TOLD (256 * 1024) /* bytes of changed rows told at once: of more he is told to GET */

/* store of the server */
#define TB_LIMIT_DB_QUEUE 256                     /* calls that wait for the lane */
#define TB_LIMIT_DB_QUEUE_BYTES (8 * 1024 * 1024) /* bytes of their parameters */
#define TB_LIMIT_DB_TRANSACTION 64                /* calls in one transaction */
#define TB_LIMIT_DB_CALL_MS 5000                  /* from submit to result */
#define TB_LIMIT_DB_BUSY_MS 1000                  /* waiting for another connection's lock */
#define TB_LIMIT_DB_RESULT (32 * 1024 * 1024)     /* bytes of one result */
#define TB_LIMIT_PERSIST_WAIT_MS 500              /* that a 201 waits for the disk */
#define TB_LIMIT_HOST_JOINS_PER_S 10              /* hellos of hosts of one network, and so many at once */
#define TB_LIMIT_HOST_JOINS (2 * TB_LIMIT_HOSTS)
#define TB_LIMIT_JOINS_PER_S 10 /* hellos to one session, and so many at once */
#define TB_LIMIT_JOINS 100
#define TB_LIMIT_HOST_KEYS 1024          /* bindings of host names to keys; above it newcomers are refused */
#define TB_LIMIT_HOST_KEYS_EACH 256      /* of one network */
#define TB_LIMIT_HOST_KEY_DAYS 30        /* unseen: then a newcomer may take a binding's place */
#define TB_LIMIT_HOST_KEY_BRIEF_S 600    /* who was here for less in all gives way after a day */
#define TB_LIMIT_ENROLMENTS 256          /* tokens of hosts that admins made; above it one is to be revoked */
#define TB_LIMIT_ENROL_TTL_S (7 * 86400) /* until one that nobody used is dead */
#define TB_LIMIT_ENROL_TTL_DEFAULT_S 3600
/* accounts of the server */
#define TB_LIMIT_USERS 1000
#define TB_LIMIT_GROUPS 200
#define TB_LIMIT_USER_GROUPS 32   /* of one user */
#define TB_LIMIT_GROUP_MEMBERS 16 /* outlets that are switched as one */
#define TB_LIMIT_GROUP_DEVICES 64 /* patterns of one group */
#define TB_LIMIT_LOGINS_EACH 50   /* of one user; above it the one that was not used for longest goes */
#define TB_LIMIT_LOGIN_IDLE_S (7 * 86400)
#define TB_LIMIT_LOGIN_MAX_S (30 * 86400)
#define TB_LIMIT_LOGIN_TOKEN_S (366 * 86400) /* of a token that somebody made for himself */
#define TB_LIMIT_PASSWORD_MIN 10
#define TB_LIMIT_PASSWORD 256
#define TB_LIMIT_PASSWORD_THREADS 2
#define TB_LIMIT_PASSWORD_QUEUE 32 /* passwords that wait for their turn */
#define TB_LIMIT_GUESSES 10        /* of one account's password, by strangers, or by each who is known */
#define TB_LIMIT_GUESSES_OF_NET 100
#define TB_LIMIT_GUESSES_S 600 /* in which as many come back */
#define TB_LIMIT_JWT 4096      /* bytes */
#define TB_LIMIT_JWT_SECRET 32 /* bytes at least */
#define TB_LIMIT_JWT_LEEWAY_S 60
#define TB_LIMIT_SERVER_AUDIT 100000     /* rows that are kept; the oldest go */
#define TB_LIMIT_SERVER_AUDIT_QUEUE 1000 /* that wait for the store */
#define TB_LIMIT_SERVER_AUDIT_PAGE 500   /* of one answer */
/* events */
#define TB_LIMIT_EVENT_ID 190            /* bytes of an id, a label, a type of what devices tell */
#define TB_LIMIT_EVENT_TEXT 4096         /* bytes of a summary, a reason, the prompts of a session */
#define TB_LIMIT_EVENTS_PAGE 1000        /* of one answer */
#define TB_LIMIT_EVENT_LOGINS 10000      /* that hold, of /auth/dev/login */
#define TB_LIMIT_CLIP_BYTES (256 << 20)  /* of one clip, where the configuration says nothing else */
#define TB_LIMIT_CLIPS_MOVING 64         /* that are uploaded or read at once */
#define TB_LIMIT_BUCKET_ANSWER (8 << 20) /* bytes of what a bucket says of what it holds: 1000 names */
#define TB_LIMIT_JOB_LEASE_S 60          /* without a word of its worker: another one may take it */
#define TB_LIMIT_JOB_ATTEMPTS 3          /* of one job; then it is dead */
#define TB_LIMIT_JOB_WAITERS 64          /* workers that wait for a job */
#define TB_LIMIT_JOB_WAIT_S 30
/* events that somebody is told of */
#define TB_LIMIT_NOTIFY_UNDER_WAY 8          /* at once */
#define TB_LIMIT_NOTIFY_PAUSE_S 3600         /* that is waited at most, whatever who is told asks for */
#define TB_LIMIT_NOTIFY_ANSWER (1024 * 1024) /* bytes of what is answered */
#define TB_LIMIT_NOTIFY_BURST 5              /* messages of one device to one recipient in … */
#define TB_LIMIT_NOTIFY_BURST_S 600          /* so long; further events are told of together after it */
#define TB_LIMIT_NOTIFY_DIGEST 100           /* events of one message */
#define TB_LIMIT_CLIPS_SWEPT 500             /* clips, or old events, that are looked at in one turn */
#define TB_LIMIT_RECIPIENTS 100              /* of one owner */
#define TB_LIMIT_INVITES 20                  /* of one owner, that hold; and as many tokens for links */
/* of a worker's decoder */
#define TB_LIMIT_LOOK_CPU_S 60
#define TB_LIMIT_LOOK_BYTES (2LL << 30) /* of memory */
#define TB_LIMIT_LOOK_FRAMES 10000
/* the link between a host and the pairing server */
#define TB_LIMIT_LINK_HEAD (16 * 1024)    /* bytes of a request's or an answer's head, as JSON */
#define TB_LIMIT_LINK_CHUNK (16 * 1024)   /* bytes of a body in one frame: the next waits no longer */
#define TB_LIMIT_LINK_REASON 256          /* bytes of why a stream was reset */
#define TB_LIMIT_LINK_WINDOW (128 * 1024) /* bytes of one stream, one way, not taken by its reader */
#define TB_LIMIT_STREAM_QUEUE (64 * 1024) /* bytes that wait on one stream for the line or for credit */
#define TB_LIMIT_LINK_STREAMS 128         /* streams of one host at once: then 429 */
/* one turn of what came over the link: then the others on the main loop have theirs, the rest waits unread */
#define TB_LIMIT_LINK_TURN_FRAMES 64
#define TB_LIMIT_LINK_TURN_US 2000
#define TB_LIMIT_LINK_TURN_IN (16 * 1024) /* bytes that a host reads from its link's socket */
/* bytes handed to a host's socket ahead of time: what is urgent waits for them, and for the frame that began below */
#define TB_LIMIT_LINK_LINE (32 * 1024)
#define TB_LIMIT_CARRY_READS 96 /* of the streams of one host: the rest is kept for what changes something */
#define TB_LIMIT_CARRY_VIEWERS 64    /* of these, for the role viewer */
#define TB_LIMIT_CARRY_READS_EACH 32 /* of one user, or of one address where nobody needs a token */
#define TB_LIMIT_CARRY_WRITES_EACH 16
#define TB_LIMIT_HOST_INSTANCES 9            /* of one name: lab-1, lab-1~2 … lab-1~9 */
#define TB_LIMIT_OBSERVER_BYTES_PER_S 65536  /* of one observer towards its host */
#define TB_LIMIT_OBSERVER_BURST (512 * 1024) /* … at once: an offer and its candidates, a paste */
#define TB_LIMIT_HOST_AHEAD (32 * 1024)      /* bytes in a host's socket, above which observers take turns */
#define TB_LIMIT_HOST_BACKLOG (1024 * 1024)  /* bytes that wait for a host; above, observers are refused */
#define TB_LIMIT_RULES 64                    /* of a host (host/rules) */
#define TB_LIMIT_RULE_ACTIONS 8              /* of one of them */
/* phones that are paired with a host (host/phone) */
#define TB_LIMIT_PHONES 16                /* of one host */
#define TB_LIMIT_PHONE_EVENTS 256         /* of one phone, that its lane has not taken */
#define TB_LIMIT_PHONE_MESSAGES_PER_S 200 /* of one phone, twice that at once; more is left out */
#define TB_LIMIT_PHONE_EVENTS_PER_S 30    /* of these, events; three times that at once */
#define TB_LIMIT_PHONE_MESSAGE 4096       /* bytes of one message */
#define TB_LIMIT_PHONE_SOUNDS 50  /* blocks of sound of one phone (a second), that its lane has not taken */
#define TB_LIMIT_PHONE_STREAMS 48 /* of one phone */
/* the command line */
#define TB_LIMIT_CLI_TAIL (16 * 1024 * 1024)    /* bytes of a console's history that are shown first */
#define TB_LIMIT_CLI_LOG_LINES 10000            /* of one look at the history */
#define TB_LIMIT_CLI_TYPED (64 * 1024)          /* bytes of input that the host does not have yet */
#define TB_LIMIT_CLI_ANSWER (64 * 1024 * 1024)  /* bytes of one answer that is taken as a whole */
#define TB_LIMIT_CLI_EVENT (4 * 1024 * 1024)    /* bytes of one event of a stream */
#define TB_LIMIT_CLI_DEPTH 64                   /* folders in folders that are copied */
#define TB_LIMIT_CLI_PICTURE (16 * 1024 * 1024) /* bytes of one picture of a stream */

/* What the service manager holds for us over a restart (lib/service.h) */
#define TB_LIMIT_HELD_FDS 256 /* FileDescriptorStoreMax= of the unit */
#define TB_LIMIT_HELD_S 60    /* until what nobody asked for is released */
