#include <inttypes.h>
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// [write]
// ids stores the first of n ids in *id. Where it returns NATS_ERR, *why says why,
// until the reply is destroyed.
static natsStatus ids(natsConnection *nc, const char *subject, int n, int64_t *id, natsMsg **reply, const char **why) {
  natsMsg *ask = NULL;
  char count[16];
  snprintf(count, sizeof count, "%d", n);
  natsStatus s = natsMsg_Create(&ask, subject, NULL, NULL, 0);
  if (s == NATS_OK) s = natsMsgHeader_Set(ask, "Accept", "text/plain");
  if (s == NATS_OK) s = natsMsgHeader_Set(ask, "Seq-Count", count);
  if (s == NATS_OK) s = natsConnection_RequestMsg(reply, nc, ask, 2000);
  natsMsg_Destroy(ask);
  if (s != NATS_OK) return s;
  if (natsMsgHeader_Get(*reply, "Nats-Service-Error", why) == NATS_OK) return NATS_ERR;
  char text[48] = "";
  int length = natsMsg_GetDataLength(*reply);
  memcpy(text, natsMsg_GetData(*reply), length < 47 ? length : 47); // it may end without a zero byte
  *id = strtoll(text, NULL, 10);
  return NATS_OK;
}
// [/write]

int main(void) {
  natsConnection *nc = NULL;
  natsMsg *reply = NULL;
  const char *why = "", *subject = getenv("WILD_SUBJECT");
  int64_t id = 0;
  natsStatus s = natsConnection_ConnectTo(&nc, getenv("NATS_URL"));
  if (s == NATS_OK) s = ids(nc, subject, 3, &id, &reply, &why);
  if (s != NATS_OK) {
    fprintf(stderr, "%s\n", natsStatus_GetText(s));
    return 1;
  }
  printf("row: nats.c\nversion: %s\nid: yes: `%" PRId64 "`\n", nats_GetVersion(), id);
  natsMsg_Destroy(reply);
  reply = NULL;
  s = natsConnection_RequestString(&reply, nc, subject, "{\"n\":0}", 2000);
  const char *code = "none";
  if (s == NATS_OK) natsMsgHeader_Get(reply, "Nats-Service-Error-Code", &code);
  printf("error: status `%s`; the reply has the header `Nats-Service-Error-Code: %s`\n", natsStatus_GetText(s), code);
  natsMsg_Destroy(reply);
  reply = NULL;
  s = natsConnection_RequestString(&reply, nc, "seq.nosuch.key", "", 2000);
  printf("nobody: %s at once (`%s`)\n", s == NATS_NO_RESPONDERS ? "`NATS_NO_RESPONDERS`" : "another status", natsStatus_GetText(s));
  natsConnection_Destroy(nc);
  nats_Close();
  return 0;
}
