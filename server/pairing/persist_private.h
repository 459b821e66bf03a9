#pragma once
/* What persist.c (writing) and persist_load.c (what was kept) share. */
#include "lib/statefile.h"
#include "server/pairing/pairing_private.h"
#include "server/pairing/persist.h"

struct TbPersist {
        TbStateDir *dir;             /* owned; NULL: not to be had at the start */
        TbDb *db;                    /* owned */
        bool elsewhere;              /* it is no file of the state folder */
        TbPairing *pairing;          /* borrowed; NULL before tb_persist_load() */
        TbHostKeys *keys;            /* owned */
        TbEnrolments *enrolments;    /* owned */
        TbAccounts *accounts;        /* owned */
        void (*told)(gpointer data); /* enrolments or accounts are others; NULL: nobody wants to know */
        gpointer told_data;
        char *lost;    /* owned: what went wrong at the start for good; NULL */
        char *trouble; /* owned; what tb_persist_trouble() gave */
        bool loaded, loading;
        /* what is to be written */
        GQueue made, touched;     /* TbSession by its `unsaved` */
        guint round;              /* of `touched`: how many this round still writes */
        GQueue ended;             /* owned ids */
        guint64 seq, seq_written; /* sessions made, and changes of enrolments */
        guint64 seq_enrolled;     /* the last one of these */
        GQueue waiters;           /* owned Waiter, oldest first */
        GSource *wait_timer;      /* ref */
        /* under way */
        struct Batch *batch; /* NULL: none */
        guint generation;
        gint64 flushed_ms, retry_at_ms, retry_ms;
        gint64 wall_offset_ms; /* wall clock - boot clock, as it was written */
        char *failure;         /* owned; of the last transaction; NULL: it was written */
        guint64 failures;
};

/* persist.c */
void tb_persist_mark(TbPersist *p, TbSession *session, bool made);
void tb_persist_write_next(TbPersist *p);
void tb_persist_failed(TbPersist *p, const char *why);
/* persist_load.c */
void tb_persist_read(TbPersist *p); /* asks the store for all that it has */
