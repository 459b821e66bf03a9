#pragma once
/* A model elsewhere that looks at pictures: any endpoint that speaks OpenAI's chat completions (vLLM, Ollama, llama.cpp, NVIDIA, Hugging Face). */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

/* --- vision_words.c: what is asked and answered. Pure, any thread. --- */

/* The body of POST …/chat/completions: pictures (GBytes, JPEG) in their order, and what to look for; `prompt` NULL: nothing in particular.
 * `strict`: the answer's JSON schema goes with it, which not every server takes. A new reference. */
json_t *tb_vision_request(const char *model, const char *prompt, const GPtrArray *pictures, bool strict);
/* What the answer says, as POST /events/{id}/summary takes it, but for the provider. NULL with TB_ERROR_UNPROCESSABLE: it is nonsense. */
json_t *tb_vision_verdict(const json_t *answer, GError **error);

/* --- vision.c --- */
#define TB_VISION_PICTURES 8 /* of one clip at most */

typedef struct TbVision {        /* strings are borrowed */
        const char *url;         /* "https://host/v1" */
        const char *model, *key; /* key NULL: none is shown */
        guint timeout_s;         /* of one try */
        guint retries;           /* after the first */
} TbVision;

/* As the environment has it: VISION_URL, VISION_MODEL, VISION_API_KEY; with `prefix` "VISION_FALLBACK" the second one. False: there is none, or
 * (with the error) it is not enough. */
bool tb_vision_of_environment(const char *prefix, TbVision *ret, GError **error);
/* Asks; waits on a main loop of its own, where `renew` is called now and then: false ends it (TB_ERROR_INTERRUPTED). NULL: see the error. */
json_t *tb_vision_look(const TbVision *vision, const char *prompt, const GPtrArray *pictures,
                       bool (*renew)(gpointer data), gpointer data, GError **error);
