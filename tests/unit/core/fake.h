#pragma once
/* A driver whose hardware is this test: what it is told is recorded, what it should do is set by the test.
 * Its table replaces the generated one. */
#include "host/core/core.h"
#include "lib/thread.h"

#define FAKE_EVENT 1000 /* bytes of an event of the flood */

typedef struct Fake {
        gint present;    /* atomic: 0 = open fails with GONE */
        gint power;      /* atomic: what is observed */
        gint stuck;      /* atomic: power does not follow */
        gint sets, gets; /* atomic counters of power ops */
        gint fail_sets,
                fail_gets; /* atomic: bit i: the i-th (from 0) such op fails; bit 30: all from there on */
        gint slow_ms;      /* atomic: how long an op takes, but for power's get */
        gint hold_gets;    /* atomic: power's get does not return while it is set */
        gint reading;      /* atomic: a get of power has begun and not looked yet */
        gint looks, hold_looks, looking;          /* atomic: the bus's tree: counted, held, begun */
        gint fail_bus;                            /* atomic: the bus refuses whatever it is asked */
        gint port;                                /* atomic: what bus_power switched */
        gint no_bus, bus_opens;                   /* atomic: the bus is broken; tries to open it */
        gint flood, flooded;                      /* atomic: events that bus_power tells; told so far */
        gint lose;                                /* atomic: the next pump fails */
        gint opens, closes, entered, interrupted; /* atomic counters */
        gint video_fps;                           /* atomic: what start was given; 0 = stopped */
        gint takes; /* atomic: bytes that one call of a console's write takes before it is late; 0: all, -1: none */
        gint writes, turn_ms; /* atomic: calls of it; how long the last one might have taken */
        gint inputs;          /* atomic: input events that came */
        TbMutex input_lock;
        GString *
                input; /* what they were (fake.c, tell_input()); NULL: nothing yet; protected by input_lock */
} Fake;

extern Fake fake;

typedef struct Bench { /* a core on a temporary state folder */
        char *dir;
        TbHostConfig *config;
        TbCore *core;
} Bench;

void bench_start(Bench *b, const char *devices_json, const char *keep_dir);
void bench_stop(Bench *b, bool keep_dir);
/* tb_core_{add,patch,remove}_device(), as often as the disk asks for. */
TbDevice *bench_add_device(TbCore *core, const TbActor *actor, json_t *spec, GError **error);
bool bench_patch_device(TbCore *core, const TbActor *actor, const char *id, json_t *patch, GError **error);
bool bench_remove_device(TbCore *core, const TbActor *actor, const char *id, GError **error);
typedef struct Answer {
        bool done;
        json_t *result;
        GError *error;
} Answer;
void answer_cb(json_t *result, const GError *error, gpointer user);
void answer_clear(Answer *a);
/* Runs a command to its end. `role` and lease as given. */
void bench_command(Bench *b, Answer *a, TbRole role, const char *lease, const char *device, const char *verb,
                   const char *params_json);
/* Runs the loop until the test holds; aborts after 5 s. */
void bench_until(Bench *b, bool (*test)(gpointer), gpointer data, const char *what);
