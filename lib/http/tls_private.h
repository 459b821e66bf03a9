#pragma once
/* What tls_front.c (main's side), tls_thread.c (who comes and goes) and tls_pump.c (the bytes) share. */
#include <glib.h>
#include <stdbool.h>

#include "lib/http/tls_front.h"
#include "lib/rate.h"
#include "lib/refcount.h"
#include "lib/thread.h"

#define TB_TLS_RECORD 16384 /* bytes of one at most (RFC 8446, 5.1): what is read at once */
#define TB_TLS_LOOK_US                                                                                       \
        (2 * G_USEC_PER_SEC) /* between two looks whether somebody is there whom a client holds up */

typedef struct TbTlsConn TbTlsConn;

typedef struct TbTlsNet { /* who has handshakes under way, by the key of its share */
        char key[TB_NET_KEY];
        GQueue shaking; /* TbTlsConn, the oldest first; not owned */
        guint64 turn;   /* the last one that it had something to do in */
        guint asked;    /* its handshakes in that turn */
} TbTlsNet;

typedef enum TbTlsState {
        TB_TLS_SHAKES,
        TB_TLS_OPEN,
        TB_TLS_CLOSES, /* all is said: it reads our last words */
        TB_TLS_DEAD,   /* freed behind the batch */
} TbTlsState;

typedef struct TbTlsSide { /* one of its two sockets in the epoll set */
        TbTlsConn *conn;
        int fd; /* owned; -1: none */
        guint32 events;
        bool watched;
} TbTlsSide;

struct TbTlsConn {
        TbTlsSide client, inner;
        struct TbTlsThread *thread; /* borrowed */
        SSL *ssl;                   /* owned */
        TbTlsState state;
        bool looked;       /* its first byte is that of TLS */
        bool left;         /* it has closed its side */
        guint rank;        /* of a turn: how many of its network come before it */
        bool wants_out;    /* OpenSSL waits for room in the client's socket */
        bool client_ended; /* it says nothing more */
        bool orphaned;     /* nobody is at the inner side any more, and the client does not take the rest */
        guint8 *in;        /* owned; what the inner side had no room for; NULL: nothing */
        guint in_at, in_size;
        guint8 *out; /* owned; what SSL_write() must be given again; NULL: nothing */
        guint out_size;
        gint64 since_us; /* in its queue */
        GList link;    /* in the queue of its state, of the thread; while OPEN only with `out`: in stalled */
        TbTlsNet *net; /* borrowed; while it shakes hands */
        GList net_link;
        TbTlsArrival arrival;
};

typedef struct TbTlsThread {
        int epoll_fd; /* owned */
        TbTls *tls;   /* borrowed */
        guint8 block[TB_TLS_RECORD];
        GQueue shaking, stalled, orphans, closing; /* TbTlsConn, the oldest first; owned */
        GQueue open;                               /* the other ones; owned */
        GPtrArray *dead;                           /* owned TbTlsConn */
        guint64 turn;                              /* how many there were */
        GHashTable *nets;                          /* key of its own -> owned TbTlsNet */
        TbBucket said;                             /* log lines */
        int listen_fd;                             /* owned; -1: it accepts no more */
        guint most;                                /* connections at once */
        bool listens;                              /* the listener is in the epoll set */
        gint64 pause_us;                           /* until then nobody is accepted; 0: no pause */
        TbInterruptor *wake;                       /* borrowed: `quiet` or `stop` of the front is new */
        TbTlsFront *front;                         /* borrowed */
} TbTlsThread;

struct TbTlsFront {
        TbRefCount ref;  /* main's and that of a post under way */
        TbTlsThread own; /* the thread's while it runs */
        TbThread *thread;
        TbTls *tls;                                                  /* ref */
        void (*arrived)(const TbTlsArrival *arrival, gpointer data); /* main */
        gpointer data;                                               /* borrowed; main */
        bool ended;                                                  /* main: who comes now comes too late */
        TbMutex lock;
        GQueue arrivals;  /* owned TbTlsArrival; under `lock` */
        bool quiet, stop; /* under `lock` */
};

/* tls_pump.c. Each may end the connection (its state says so). */
void tb_tls_pump(TbTlsConn *conn);    /* one turn in both directions; then it waits for what it needs */
void tb_tls_say_bye(TbTlsConn *conn); /* our end: what follows is only read away */
void tb_tls_drain(TbTlsConn *conn);   /* reads away; ends it with the client's end */
void tb_tls_watch(TbTlsConn *conn);   /* arms epoll for what it waits for */
bool tb_tls_watch_side(TbTlsSide *side, guint32 events, bool always);

/* tls_front.c */
void tb_tls_send_arrival(TbTlsFront *front, const TbTlsArrival *arrival); /* the thread's */

/* tls_thread.c */
void tb_tls_run(gpointer thread); /* until the front says stop */
GQueue *tb_tls_queue_of(TbTlsConn *conn);
void tb_tls_move(TbTlsConn *conn, GQueue *from, GQueue *to); /* its time begins again */
void tb_tls_kill(TbTlsConn *conn);
