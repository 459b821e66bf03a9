#pragma once
/*
 * The inside of a command: what the verbs of each kind and of the device are written against. Main thread,
 * but for `exec`.
 *
 * A verb's start() either answers at once (succeed / fail), or hands work to the lane's worker (dispatch), or
 * keeps the command and answers later; then it sets on_cancel. Each command is answered exactly once.
 */
#include "host/core/core.h"
#include "host/core/lanes/worker.h"
#include "host/core/state/saver.h"

typedef struct TbJoint TbJoint; /* join.c */
typedef struct TbVerbRun TbVerbRun;

struct TbCommand {
        TbCall call; /* must be first: the worker's view of it */
        TbCore *core;
        TbDevice *device;   /* borrowed; NULL once the device was removed */
        TbInterface *iface; /* borrowed; NULL: a verb of the whole device, or removed */
        const TbVerb *verb;
        char *device_id, *verb_text;
        TbActor actor;  /* strings owned */
        json_t *params; /* validated; owned */
        GBytes *bytes;  /* payload; owned */
        TbPipe *pipe;   /* payload; ref */
        gint64 size;
        TbCommandDone done;           /* NULL: nobody waits */
        bool (*there)(gpointer user); /* NULL: he is, while `done` is set */
        gpointer user;
        json_t *result; /* owned; exec writes it, after() or the end reads it */
        GError *error;  /* owned */
        gint64 begin_us;
        guint timer, later;
        bool dispatched, in_start, answered;
        const TbVerbRun *waits; /* what it begins when its interface's history is open; NULL: it has begun */
        bool controls;          /* authority was needed: ends when somebody else gets the device */
        bool overrides;         /* an admin's emergency: a lease of somebody else does not end it */
        bool urgent;  /* an emergency: overtakes what waits for the lane, but no other one, which it joins */
        gint revoked; /* atomic: no further step may be taken */
        gint begun;   /* atomic: a worker has it in its exec, or had */
        TbJoint *joint; /* borrowed: the call whose answer it waits for; NULL: none */
        /* main: what it is answered when its lane is busy for long; NULL, or gives NULL: it waits */
        json_t *(*known)(TbCommand *command);
        guint known_timer;
        char *share;   /* owned: of the lane's queue */
        TbPlace place; /* among those who wait for it */
        gint64 sent_ms; /* wall clock of when a worker began with it, of what is recorded; 0: nobody noted it */
        bool leads;     /* it is the call that others wait for; no caller's own command */
        bool (*exec)(TbCommand *command, TbInstance *instance, TbIo *io, GError **error); /* worker thread */
        void (*after)(TbCommand *command); /* main: instead of answering with result */
        /* main: the worker is done with it, however it ended and whether or not the caller was answered already; iface is NULL
         * when the device was removed. Says in which state it left the device. */
        void (*settle)(TbCommand *command);
        void (*on_cancel)(TbCommand *command);
        struct {
                gsize taken;     /* bytes that the device has */
                gsize told;      /* of them that the recorder knows */
                gint64 moved_us; /* when it last took some */
                bool late;       /* it took nothing more for TB_LIMIT_WRITE_STALL_MS */
                void (*after)(TbCommand *command);
        } write;          /* tb_console_write() */
        gpointer scratch; /* a verb's own; freed by scratch_free */
        GDestroyNotify scratch_free;
};

struct TbVerbRun {
        TbVerb verb; /* verb.op NULL ends a table */
        void (*start)(TbCommand *command);
        bool (*overrides)(json_t *params); /* with these an admin need not hold the lease; NULL: never */
};

/*
 * One step of a command on its worker: the driver's op is called if the command may still act (its caller holds the device, nobody
 * cancelled it), and fails with TB_ERROR_INTERRUPTED otherwise. Ops that change anything are called through it only (tests/lint.sh);
 * what reads (get, stat, list, read) needs none. Wants a `GError **error` around it.
 *      TB_STEP(c, instance->lane->power->set, instance, io, on, error)
 */
#define TB_STEP(command, op, ...) (tb_command_may_step((command), error) && (op)(__VA_ARGS__))
bool tb_command_may_step(TbCommand *command, GError **error); /* any thread */

void tb_command_succeed(TbCommand *command, json_t *result_take); /* NULL: json null */
/* stored.c: succeeds when what `saver` was given so far is stored, could not be stored, or is late (health says so). */
void tb_command_stop_storing(TbCommand *command); /* its on_cancel, for who has another one */
void tb_command_succeed_stored(TbCommand *command, TbSaver *saver, json_t *result_take);
/* stored.c: makes a change of the stored devices, from its start again as often as the disk asks for. `run`: false with an error;
 * its result goes to command->result. Takes `spec`. */
void tb_command_store(TbCommand *command, bool (*run)(TbCommand *command, json_t *spec, GError **error),
                      json_t *spec_take);
/* `extra_take`: further members for the answer's body (holder, expires_at, what was seen); may be NULL. */
void tb_command_fail(TbCommand *command, GError *error_take, json_t *extra_take);
/* Queues exec on the interface's lane; what joins (TB_VERB_JOINS, or urgent) waits for the same call of another caller instead. Fails the command when the queue is full. `after` NULL: answers with
 * what exec left in command->result. */
void tb_command_dispatch(TbCommand *command, bool (*exec)(TbCommand *, TbInstance *, TbIo *, GError **),
                         void (*after)(TbCommand *));
/* join.c: waits for a call that does the same and is under way, or begins one; as dispatch, with the command's exec and after. */
void tb_command_join(TbCommand *command);
/* A command that does what `command` would: same interface, verb, parameters, user, deadline; its scratch moves over. */
TbCommand *tb_command_split(TbCommand *command, TbCommandDone done, gpointer user);
/* Ends it now: its caller is told the error, a driver call in progress is interrupted. Nothing when it was answered. */
void tb_command_withdraw(TbCommand *command, GError *error_take);
bool tb_command_caller_is_there(const TbCommand *command);
void tb_cycles_save(
        TbCore *core,
        const TbVerb *verb); /* cycles.c: a cycle has begun, or is over; nothing for other verbs */
/* It goes on, so its deadline begins anew. */
void tb_command_extend(TbCommand *command);
void tb_command_on_cancel(TbCommand *command, void (*on_cancel)(TbCommand *command));
/* recording.c: the recorder is told what the device was given: `events` (input.send), or bytes of a console. */
void tb_command_tell_input(TbCommand *command, const json_t *events, const void *bytes, gsize size);
/* For verbs that only sometimes change the device. False: the command was failed. */
bool tb_command_require_control(TbCommand *command);

const char *tb_command_string(TbCommand *command, const char *name); /* borrowed; NULL: not given */
gint64 tb_command_int(TbCommand *command, const char *name);
const TbActor *tb_command_actor(TbCommand *command);
TbDevice *tb_command_device(TbCommand *command);

/* `urgent` is about to run: what else controls its lane ends (TB_ERROR_BUSY), but other emergencies. */
void tb_commands_overtake(TbCommand *urgent);
void tb_commands_stop(TbCore *core);

/* Rows of a table for verbs that read lines of a history: which ones. */
#define TB_PARAM_LINES                                                                                       \
        {.name = "from",                                                                                     \
         .type = TB_PARAM_INT,                                                                               \
         .min = 0,                                                                                           \
         .max = 9e15,                                                                                        \
         .fallback = "0",                                                                                    \
         .help = "offset of the first line, or within it: then its rest"},                                   \
                {.name = "tail",                                                                             \
                 .type = TB_PARAM_INT,                                                                       \
                 .min = 1,                                                                                   \
                 .max = TB_LIMIT_LOG_LINES,                                                                  \
                 .help = "instead: the last so many lines"},                                                 \
                {.name = "since",                                                                            \
                 .type = TB_PARAM_STRING,                                                                    \
                 .max = 64,                                                                                  \
                 .help = "instead: lines that began at this time or later, in ms since 1970 or RFC 3339"},   \
        {                                                                                                    \
                .name = "limit", .type = TB_PARAM_INT, .min = 1, .max = TB_LIMIT_LOG_LINES,                  \
                .fallback = "1000", .help = "lines at most"                                                  \
        }

/* lines.c: the start of a verb that reads lines of the interface's history (from, limit): answers {"lines","next",
 * "start","offset"}. Read on a job's thread. */
void tb_command_lines(TbCommand *command);

/* The tables that verbs.c joins. */
extern const TbVerbRun tb_device_verbs[], tb_lease_verbs[], tb_recording_verbs[], tb_power_verbs[],
        tb_console_verbs[], tb_video_verbs[], tb_audio_verbs[], tb_input_verbs[], tb_sensors_verbs[],
        tb_shell_verbs[], tb_files_verbs[], tb_apps_verbs[], tb_logs_verbs[], tb_instrument_verbs[],
        tb_mount_verbs[], tb_gpio_verbs[];
const TbVerbRun *tb_verb_run(TbKind kind, const char *op);
const TbVerbRun *tb_device_verb_run(const char *noun, const char *op); /* lease.*, device.* */
