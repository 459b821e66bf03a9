#pragma once
/*
 * What a Seestar says on its control port (TCP 4700) and to a broadcast (UDP 4720), as scopinator, seestar_alp and captures of firmware
 * 4.70 to 7.18 show it: JSON objects, each a line ended by \r\n; requests have an id that comes back, events have none. Pure.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/limits.h"

/* Above this firmware a request must say "verify" (and where nobody knows which it is); from the second on objects are left alone. */
#define TB_SEESTAR_FW_VERIFY 2582
#define TB_SEESTAR_FW_OBJECTS 2706
/* From here on it wants a signature before anything else. */
#define TB_SEESTAR_FW_SIGNED 2718

/* Which of several lines comes first: its bytes with the end; 0: not whole yet; -1: longer than TB_LIMIT_SEESTAR_LINE. */
gssize tb_seestar_line(const void *data, gsize size);
/* A request's line; `params` may be NULL; firmware 0: not known. The caller frees. */
char *tb_seestar_request(int id, const char *method, json_t *params, int firmware);

/* --- what is known of one --- */
typedef struct TbSeestarDoing {
        char name[24]; /* "goto", "stack", …, or the telescope's own word */
        char state[16];
        char error[128]; /* of one that failed; "" else */
        bool under_way;
        gint64 since_ms; /* monotonic; when this state began */
} TbSeestarDoing;

typedef struct TbSeestarState {
        int firmware; /* 0: not known */
        char version[16], model[32], serial[32];
        double ra_hours, dec_deg, alt_deg, az_deg; /* NAN: not known; equinox of today */
        int tracking, closed;                      /* 0, 1; -1: not known */
        double temperature, battery, disk_used;    /* Cel, %, %; NAN */
        double focus, gain, live_ms, stack_ms;     /* NAN */
        double brightness, contrast, saturation;   /* NAN */
        int flatten;                               /* 0, 1; -1 */
        char mode[16], stage[24], target[64];
        double target_ra, target_dec; /* NAN */
        gint64 stacked, dropped;      /* -1: nothing was stacked */
        TbSeestarDoing doings[TB_LIMIT_SEESTAR_DOINGS];
        guint n_doings;
} TbSeestarState;

void tb_seestar_state_init(TbSeestarState *state);
/* Result of get_device_state, of get_view_state, of get_setting. */
void tb_seestar_take_device(TbSeestarState *state, json_t *result);
void tb_seestar_take_view(TbSeestarState *state, json_t *result, gint64 now_ms);
void tb_seestar_take_setting(TbSeestarState *state, json_t *result);
/* Result of scope_get_equ_coord (or scope_get_ra_dec), of scope_get_horiz_coord. False: it was none. */
bool tb_seestar_take_place(TbSeestarState *state, json_t *result);
bool tb_seestar_take_horizon(TbSeestarState *state, json_t *result);
/* An event. True: it changed something that is told. */
bool tb_seestar_hear(TbSeestarState *state, json_t *event, gint64 now_ms);
void tb_seestar_doing(TbSeestarState *state, const char *name, const char *word, bool under_way,
                      const char *error, gint64 now_ms);
bool tb_seestar_is_doing(const TbSeestarState *state, const char *name);
/* As GET mount answers it; new reference. */
json_t *tb_seestar_json(const TbSeestarState *state, gint64 now_ms);

/* Sets the error of an answer that has one ("error", or a code that is not 0), in words; false: it has none. */
bool tb_seestar_refuses(json_t *answer, const char *method, GError **error);

/* --- discovery --- */
/* Asked from the port that it is asked at: newer firmware answers nobody else. Its firmware takes no name with a dash. */
#define TB_SEESTAR_PROBE_PORT 4720
#define TB_SEESTAR_PROBE "{\"id\":201,\"method\":\"scan_iscope\",\"name\":\"testbed\",\"ip\":\"%s\"}\r\n"
typedef struct TbSeestarFound {
        char ip[64];
        char model[32], serial[32];
        bool verified;
} TbSeestarFound;
/* A datagram of `sender`, who is offered, whatever address he names. False: it is no such answer. */
bool tb_seestar_found(const void *data, gsize size, const char *sender, TbSeestarFound *ret);
