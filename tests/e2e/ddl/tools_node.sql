-- Prisma, TypeORM, Knex, Sequelize, Drizzle.
CREATE TABLE _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
);
CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN');
CREATE TABLE "User" (
    "id" SERIAL NOT NULL,
    "uid" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT,
    "role" "Role" NOT NULL DEFAULT 'USER',
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,
    "balance" DECIMAL(65,30) NOT NULL DEFAULT 0,
    "big" BIGINT NOT NULL DEFAULT 10,
    "score" DOUBLE PRECISION,
    "meta" JSONB,
    "bytes" BYTEA,
    "tags" TEXT[],

    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "_PostToUser" ("A" INTEGER NOT NULL, "B" INTEGER NOT NULL);
CREATE TABLE "Post" (
    "id" TEXT NOT NULL,
    "authorId" INTEGER NOT NULL,
    "title" VARCHAR(255) NOT NULL,
    CONSTRAINT "Post_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");
CREATE INDEX "Post_authorId_idx" ON "Post"("authorId");
CREATE UNIQUE INDEX "_PostToUser_AB_unique" ON "_PostToUser"("A", "B");
CREATE INDEX "_PostToUser_B_index" ON "_PostToUser"("B");
ALTER TABLE "Post" ADD CONSTRAINT "Post_authorId_fkey" FOREIGN KEY ("authorId") REFERENCES "User"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "_PostToUser" ADD CONSTRAINT "_PostToUser_B_fkey" FOREIGN KEY ("B") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;
\d "User";
\d "Post";
BEGIN;
CREATE TYPE "Role_new" AS ENUM ('USER', 'OWNER');
ALTER TABLE "User" ALTER COLUMN "role" DROP DEFAULT;
ALTER TABLE "User" ALTER COLUMN "role" TYPE "Role_new" USING ("role"::text::"Role_new");
ALTER TYPE "Role" RENAME TO "Role_old";
ALTER TYPE "Role_new" RENAME TO "Role";
DROP TYPE "Role_old";
ALTER TABLE "User" ALTER COLUMN "role" SET DEFAULT 'USER';
COMMIT;
\d "User";
ALTER TABLE "User" DROP COLUMN "name",
ADD COLUMN     "first" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "last" TEXT;
ALTER TABLE "Post" DROP CONSTRAINT "Post_pkey",
ADD COLUMN "num" SERIAL NOT NULL,
ADD CONSTRAINT "Post_pkey" PRIMARY KEY ("num");
ALTER TABLE "User" ALTER COLUMN "score" SET DATA TYPE DECIMAL(10,2);
ALTER TABLE "User" ALTER COLUMN "uid" SET DATA TYPE UUID USING uid::uuid;
ALTER INDEX "User_email_key" RENAME TO "User_mail_key";
ALTER TABLE "Post" RENAME CONSTRAINT "Post_pkey" TO "Post_pk";
CREATE UNIQUE INDEX "Post_title_key" ON "Post"("title" DESC);
\d "Post";
CREATE TABLE "migrations" ("id" SERIAL NOT NULL, "timestamp" bigint NOT NULL, "name" character varying NOT NULL, CONSTRAINT "PK_8c82d7f526340ab734260ea46be" PRIMARY KEY ("id"));
CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
CREATE TABLE "photo" ("id" uuid NOT NULL DEFAULT uuid_generate_v4(), "name" character varying NOT NULL, "views" integer NOT NULL DEFAULT '0', "isPublished" boolean NOT NULL DEFAULT false, "createdAt" TIMESTAMP NOT NULL DEFAULT now(), "arr" text array NOT NULL DEFAULT '{}', CONSTRAINT "UQ_1" UNIQUE ("name"), CONSTRAINT "PK_723fa50bf70dcfd06fb5a44d4ff" PRIMARY KEY ("id"));
CREATE TYPE "public"."photo_kind_enum" AS ENUM('a', 'b');
ALTER TABLE "photo" ADD "kind" "public"."photo_kind_enum" NOT NULL DEFAULT 'a';
ALTER TYPE "public"."photo_kind_enum" RENAME TO "photo_kind_enum_old";
CREATE TYPE "public"."photo_kind_enum" AS ENUM('a', 'b', 'c');
ALTER TABLE "photo" ALTER COLUMN "kind" DROP DEFAULT;
ALTER TABLE "photo" ALTER COLUMN "kind" TYPE "public"."photo_kind_enum" USING "kind"::"text"::"public"."photo_kind_enum";
ALTER TABLE "photo" ALTER COLUMN "kind" SET DEFAULT 'a';
DROP TYPE "public"."photo_kind_enum_old";
CREATE TABLE "photo_closure" ("id_ancestor" uuid NOT NULL, "id_descendant" uuid NOT NULL, CONSTRAINT "PK_c" PRIMARY KEY ("id_ancestor", "id_descendant"));
CREATE INDEX "IDX_a" ON "photo_closure" ("id_ancestor") ;
ALTER TABLE "photo_closure" ADD CONSTRAINT "FK_a" FOREIGN KEY ("id_ancestor") REFERENCES "photo"("id") ON DELETE CASCADE ON UPDATE NO ACTION;
ALTER TABLE "photo" DROP COLUMN "name";
ALTER TABLE "photo" ADD "name" character varying(100) NOT NULL DEFAULT '';
ALTER TABLE "photo" ADD CONSTRAINT "CHK_v" CHECK ("views" > 5 OR name = '');
COMMENT ON COLUMN "photo"."views" IS 'how often';
\d photo;
\d photo_closure;
create table "knex_migrations" ("id" serial primary key, "name" varchar(255), "batch" integer, "migration_time" timestamptz);
create table "knex_migrations_lock" ("index" serial primary key, "is_locked" integer);
create table "ks" ("id" serial primary key, "email" varchar(255) not null, "state" text check ("state" in ('a', 'b')) not null default 'a', "meta" json null, "created_at" timestamptz not null default CURRENT_TIMESTAMP, "n" decimal(8, 2), "r" real, "org_id" integer);
alter table "ks" add constraint "ks_email_unique" unique ("email");
alter table "ks" add constraint "ks_org_id_foreign" foreign key ("org_id") references "ks" ("id") on delete CASCADE;
create index "ks_created_at_index" on "ks" ("created_at");
alter table "ks" add column "x" integer null, add column "y" text;
alter table "ks" alter column "x" drop default;
alter table "ks" alter column "x" drop not null;
alter table "ks" alter column "x" type bigint using ("x"::bigint);
alter table "ks" alter column "x" set default '5';
alter table "ks" alter column "x" set not null;
alter table "ks" drop constraint "ks_email_unique";
alter table "ks" rename "y" to "z";
comment on table "ks" is '';
\d ks;
CREATE TABLE IF NOT EXISTS "Users" ("id"   SERIAL , "username" VARCHAR(255), "birthday" TIMESTAMP WITH TIME ZONE, "status" "public"."enum_none", "createdAt" TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY ("id"));
CREATE TABLE IF NOT EXISTS "Users" ("id"   SERIAL , "username" VARCHAR(255) UNIQUE, "birthday" TIMESTAMP WITH TIME ZONE, "createdAt" TIMESTAMP WITH TIME ZONE NOT NULL, "companyId" INTEGER REFERENCES "Users" ("id") ON DELETE SET NULL ON UPDATE CASCADE, PRIMARY KEY ("id"));
ALTER TABLE "public"."Users" ADD COLUMN "age" INTEGER DEFAULT 3;
ALTER TABLE "Users" ALTER COLUMN "age" SET NOT NULL;ALTER TABLE "Users" ALTER COLUMN "age" DROP DEFAULT;ALTER TABLE "Users" ALTER COLUMN "age" TYPE BIGINT;
ALTER TABLE "Users" ADD CONSTRAINT "Users_age_uk" UNIQUE ("age", "username");
CREATE INDEX CONCURRENTLY "users_age" ON "Users" ("age") WHERE "age" > 3;
-- refused
DO 'BEGIN CREATE TYPE "public"."enum_users_status" AS ENUM(''a'', ''b''); EXCEPTION WHEN duplicate_object THEN null; END';
DROP TABLE IF EXISTS "Users" CASCADE;
CREATE SCHEMA IF NOT EXISTS "drizzle";
CREATE TABLE IF NOT EXISTS "drizzle"."__drizzle_migrations" (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint);
-- refused
CREATE TABLE "dz" ("id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "dz_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1), "age" integer DEFAULT 1 NOT NULL, CONSTRAINT "dz_age" UNIQUE NULLS NOT DISTINCT("age"));
CREATE TABLE "dz2" ("id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "dz2_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1), "age" integer DEFAULT 1 NOT NULL);
ALTER TABLE "dz2" ADD CONSTRAINT "dz2_fk" FOREIGN KEY ("age") REFERENCES "public"."dz2"("id") ON DELETE no action ON UPDATE no action;
CREATE UNIQUE INDEX "dz_i" ON "dz2" USING btree (lower("age"::text),"id" DESC NULLS LAST);
\d dz2;
