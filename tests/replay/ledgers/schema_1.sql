BEGIN TRANSACTION;
CREATE TABLE audit (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	chain VARCHAR NOT NULL, 
	record VARCHAR NOT NULL, 
	previous_hash VARCHAR NOT NULL, 
	hash VARCHAR NOT NULL, 
	position INTEGER NOT NULL, 
	UNIQUE (chain, position)
);
INSERT INTO "audit" VALUES(1,'worker','{"at":"2026-11-29T22:49:41.851310Z","actor":"process:worker","action":"baseline","what":"ledger","case_id":null,"encounter_id":null,"detail":"part 1 of 1","rows":{"[\"mark\", \"values_bound_since\"]":"5cd48f86fea0038b16b84dd707ca0187","[\"mark\", \"rows_attested\"]":"6bbf9daaf2809212a49104cdd9700125"}}','','50acc647b031c478bcdcc07a2fb1d4189a0d8b7039ab089886980feaf393c8d4',1);
INSERT INTO "audit" VALUES(2,'gateway','{"at":"2026-11-29T22:49:41.872284Z","actor":"process:gateway","action":"open","what":"case due 2026-11-29 22:54:41.866563+00:00","case_id":"0b44d51a62577cb8becabf9675826284b2a913c2","encounter_id":null,"detail":"","rows":{"[\"opened\", \"0b44d51a62577cb8becabf9675826284b2a913c2\"]":"efc2e7bb5777c1bc4ee50becfe753131"}}','','5ec66b03349018517c91f807d61dc481ab7d38414653fc41c3650ad8ba4f6969',1);
INSERT INTO "audit" VALUES(3,'gateway','{"at":"2026-11-29T22:49:41.876971Z","actor":"process:gateway","action":"tell","what":"events","case_id":null,"encounter_id":null,"detail":"","rows":{"[\"delivery\", 1, \"0b44d51a62577cb8becabf9675826284b2a913c2\"]":"ded5b73e631bf74feba3fe2c339ea36a","[\"delivery\", 2, \"0b44d51a62577cb8becabf9675826284b2a913c2\"]":"93a43052dc5c3d02269d93f6ac2c2bee"}}','5ec66b03349018517c91f807d61dc481ab7d38414653fc41c3650ad8ba4f6969','9736107d7a1723b7bdba9fb8f14ef9e159aa4942d0a7e81215db18a5a4054a76',2);
INSERT INTO "audit" VALUES(4,'worker','{"at":"2026-11-29T22:49:42.013545Z","actor":"process:worker","action":"propose","what":"Task/cea49764-5600-59c6-ac4d-a83514138a68/_history/1","case_id":"0b44d51a62577cb8becabf9675826284b2a913c2","encounter_id":"enc-written","detail":"","rows":{"[\"own_write\", \"Task\", \"cea49764-5600-59c6-ac4d-a83514138a68\", \"1\"]":"38606628e084ce4be890330875988698"}}','50acc647b031c478bcdcc07a2fb1d4189a0d8b7039ab089886980feaf393c8d4','b604f658791c5aec664231c4fecb05adf89473889b1c2b4ce3adc5f17566adfb',2);
INSERT INTO "audit" VALUES(5,'worker','{"at":"2026-11-29T22:49:42.044838Z","actor":"process:worker","action":"show","what":"suggestion 74e623eb92e778627d60117fc24472fff412420dd64242fb76521f17e622163b","case_id":"0b44d51a62577cb8becabf9675826284b2a913c2","encounter_id":"enc-written","detail":"","rows":{"[\"shown\", \"0b44d51a62577cb8becabf9675826284b2a913c2\"]":"bcdfa7983833bec0b797c981625b3290","[\"run\", \"0b44d51a62577cb8becabf9675826284b2a913c2\", 1]":"5b6e3aea0b20df9a733966f8795ab206"}}','b604f658791c5aec664231c4fecb05adf89473889b1c2b4ce3adc5f17566adfb','957a61d96af04ddee723b0c07bd070089ac36fa31fef258bd60d2a0b513e3b15',3);
INSERT INTO "audit" VALUES(6,'gateway','{"at":"2026-11-29T22:49:42.062319Z","actor":"process:gateway","action":"open","what":"case due 2026-11-29 22:54:42.059550+00:00","case_id":"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed","encounter_id":null,"detail":"","rows":{"[\"opened\", \"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed\"]":"864b973d7e1f651f7195a521501f7cf7"}}','9736107d7a1723b7bdba9fb8f14ef9e159aa4942d0a7e81215db18a5a4054a76','21d94ee1a76df3d492bcd2d57790a417d6ad5e6b52a50a4c6fbfee0252f32001',3);
INSERT INTO "audit" VALUES(7,'gateway','{"at":"2026-11-29T22:49:42.065756Z","actor":"process:gateway","action":"tell","what":"events","case_id":null,"encounter_id":null,"detail":"","rows":{"[\"delivery\", 4, \"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed\"]":"4aac8d31a3d5201d72cb1561a6121d10","[\"delivery\", 5, \"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed\"]":"ec9e720fc32138edf39496e1153b5141"}}','21d94ee1a76df3d492bcd2d57790a417d6ad5e6b52a50a4c6fbfee0252f32001','af353fe7c9117b7db0aa9ba53cbf2302ba47526fc18fb5b00e6138f04a800dc0',4);
INSERT INTO "audit" VALUES(8,'worker','{"at":"2026-11-29T22:49:42.100836Z","actor":"process:worker","action":"propose","what":"Task/b70799eb-d18d-5a49-81db-85f532b2322b/_history/1","case_id":"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed","encounter_id":"enc-changed","detail":"","rows":{"[\"own_write\", \"Task\", \"b70799eb-d18d-5a49-81db-85f532b2322b\", \"1\"]":"961183d9906520da41b5e406f02e6d53"}}','957a61d96af04ddee723b0c07bd070089ac36fa31fef258bd60d2a0b513e3b15','38e764dd5cfa4a8c3fde6bd2ce7b4fa57b8c56edef98d7c71332c46b7a3cc280',4);
INSERT INTO "audit" VALUES(9,'worker','{"at":"2026-11-29T22:49:42.116244Z","actor":"process:worker","action":"show","what":"suggestion e7854f0e8a2f6ed424763f49fee1ef63b29710f3dd38c1a6a64cce3978109e08","case_id":"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed","encounter_id":"enc-changed","detail":"","rows":{"[\"shown\", \"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed\"]":"43227382ff867ccc13086d43d0040800","[\"run\", \"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed\", 1]":"cbdd271a5224f79c5ca07935242b6e04"}}','38e764dd5cfa4a8c3fde6bd2ce7b4fa57b8c56edef98d7c71332c46b7a3cc280','6aaf468b61508d4b40f2d8510e9e8bd2fd77eefe000307a9600a8d6cba9d0759',5);
INSERT INTO "audit" VALUES(10,'gateway','{"at":"2026-11-29T22:49:42.134260Z","actor":"process:gateway","action":"open","what":"case due 2026-11-29 22:54:42.131680+00:00","case_id":"c83487ab0295885574ee2ca346256cd739660182","encounter_id":null,"detail":"","rows":{"[\"opened\", \"c83487ab0295885574ee2ca346256cd739660182\"]":"2324cd17cdc2516b5d718c2c38630944"}}','af353fe7c9117b7db0aa9ba53cbf2302ba47526fc18fb5b00e6138f04a800dc0','793857322c7045786b50fbdc22614471cc1da01d2b38016371942eaaafe2af20',5);
INSERT INTO "audit" VALUES(11,'gateway','{"at":"2026-11-29T22:49:42.137247Z","actor":"process:gateway","action":"tell","what":"events","case_id":null,"encounter_id":null,"detail":"","rows":{"[\"delivery\", 7, \"c83487ab0295885574ee2ca346256cd739660182\"]":"cb689a6083d1416ecc08828fe13c21b2","[\"delivery\", 8, \"c83487ab0295885574ee2ca346256cd739660182\"]":"cbf1001ec7994152cbf59ef4015c70c5"}}','793857322c7045786b50fbdc22614471cc1da01d2b38016371942eaaafe2af20','d92a96555d019adb03ac188e1b215430e899c4812c1730e757de684eb806e13c',6);
INSERT INTO "audit" VALUES(12,'worker','{"at":"2026-11-29T22:49:42.177099Z","actor":"process:worker","action":"propose","what":"Task/e02e5e21-8637-51c5-a571-99a4bb68ba71/_history/1","case_id":"c83487ab0295885574ee2ca346256cd739660182","encounter_id":"enc-rejected","detail":"","rows":{"[\"own_write\", \"Task\", \"e02e5e21-8637-51c5-a571-99a4bb68ba71\", \"1\"]":"23ca3d5ce8670299dd8814ac014741e7"}}','6aaf468b61508d4b40f2d8510e9e8bd2fd77eefe000307a9600a8d6cba9d0759','95a75950290f80c0fe7d891a08f6fe89357db9ffa3329dc3432aa06d4ab0f429',6);
INSERT INTO "audit" VALUES(13,'worker','{"at":"2026-11-29T22:49:42.189957Z","actor":"process:worker","action":"show","what":"suggestion 71c4af4732aa954fdd580ed37d046e18f9c8f4d5fa24b3d47c62cd26caf3c522","case_id":"c83487ab0295885574ee2ca346256cd739660182","encounter_id":"enc-rejected","detail":"","rows":{"[\"shown\", \"c83487ab0295885574ee2ca346256cd739660182\"]":"41cec1c5c7a1a1543bb883fda86d8992","[\"run\", \"c83487ab0295885574ee2ca346256cd739660182\", 1]":"21fbea3cc7c5b031e6894bb14602f9f6"}}','95a75950290f80c0fe7d891a08f6fe89357db9ffa3329dc3432aa06d4ab0f429','5c511dcd719d5e0b3de3a3334f66d1cf5a7562bf3e5edf1238d5b5b4064daeab',7);
INSERT INTO "audit" VALUES(14,'gateway','{"at":"2026-11-29T22:49:42.218414Z","actor":"process:gateway","action":"open","what":"case due 2026-11-29 22:54:42.215705+00:00","case_id":"37070b4a93ac0a0e124a76de7606cee9d3dd8fd1","encounter_id":null,"detail":"","rows":{"[\"opened\", \"37070b4a93ac0a0e124a76de7606cee9d3dd8fd1\"]":"7bc5cbfeafe46a343be9470261e1be6b"}}','d92a96555d019adb03ac188e1b215430e899c4812c1730e757de684eb806e13c','04c6d7a8a13f1ed2e02c9465b5144de5a27410078e99e6a3129849f88470224a',7);
INSERT INTO "audit" VALUES(15,'gateway','{"at":"2026-11-29T22:49:42.221458Z","actor":"process:gateway","action":"tell","what":"events","case_id":null,"encounter_id":null,"detail":"","rows":{"[\"delivery\", 10, \"37070b4a93ac0a0e124a76de7606cee9d3dd8fd1\"]":"c2299dd9c4d3f29a799ade37cfbfa4c4","[\"delivery\", 11, \"37070b4a93ac0a0e124a76de7606cee9d3dd8fd1\"]":"cc46705c2774ab60fd5ac6facb72f22b"}}','04c6d7a8a13f1ed2e02c9465b5144de5a27410078e99e6a3129849f88470224a','4f9bde8a895ae8e991259e72529be3ddaf45519e7df461ade1b3dd48b51b2c57',8);
INSERT INTO "audit" VALUES(16,'worker','{"at":"2026-11-29T22:49:42.264887Z","actor":"process:worker","action":"propose","what":"Task/48496dd7-3096-5bcb-99bb-3919d2856a9a/_history/1","case_id":"37070b4a93ac0a0e124a76de7606cee9d3dd8fd1","encounter_id":"enc-closed","detail":"","rows":{"[\"own_write\", \"Task\", \"48496dd7-3096-5bcb-99bb-3919d2856a9a\", \"1\"]":"f4d30711803ed7ca73f34db69e4e6292"}}','5c511dcd719d5e0b3de3a3334f66d1cf5a7562bf3e5edf1238d5b5b4064daeab','1270b64da58282913ce7e67556f9996fac11d1b8784516b044723c04c9295f41',8);
INSERT INTO "audit" VALUES(17,'worker','{"at":"2026-11-29T22:49:42.289624Z","actor":"process:worker","action":"show","what":"suggestion 1b7a63a9d886ec3ad315192b3c9714707f6650baab02cf608bbe43bd7e612aaa","case_id":"37070b4a93ac0a0e124a76de7606cee9d3dd8fd1","encounter_id":"enc-closed","detail":"","rows":{"[\"shown\", \"37070b4a93ac0a0e124a76de7606cee9d3dd8fd1\"]":"b0d3948c32c91cfa234b0d1181311e6f","[\"run\", \"37070b4a93ac0a0e124a76de7606cee9d3dd8fd1\", 1]":"439ec69ad2118d3b853722f9cd351cba"}}','1270b64da58282913ce7e67556f9996fac11d1b8784516b044723c04c9295f41','ec571087523503236563010cbda3f516c175106133ce49492003976cd7b22e40',9);
INSERT INTO "audit" VALUES(18,'gateway','{"at":"2026-11-29T22:49:42.318405Z","actor":"process:gateway","action":"open","what":"case due 2026-11-29 22:54:42.311643+00:00","case_id":"b11c056524df51bf924e29d4f318fcee503fea34","encounter_id":null,"detail":"","rows":{"[\"opened\", \"b11c056524df51bf924e29d4f318fcee503fea34\"]":"21f64ca49f52b2b5a9876952533617b3"}}','4f9bde8a895ae8e991259e72529be3ddaf45519e7df461ade1b3dd48b51b2c57','e591a5e4581be776dadc81588ffbcab5d4b281ae7a41738ac637bdf365d7c199',9);
INSERT INTO "audit" VALUES(19,'gateway','{"at":"2026-11-29T22:49:42.326673Z","actor":"process:gateway","action":"tell","what":"events","case_id":null,"encounter_id":null,"detail":"","rows":{"[\"delivery\", 13, \"b11c056524df51bf924e29d4f318fcee503fea34\"]":"552a80c46e8c960fa8e81ae28614d214","[\"delivery\", 14, \"b11c056524df51bf924e29d4f318fcee503fea34\"]":"4e3cd92671660d9f95e9fd64ad094e18"}}','e591a5e4581be776dadc81588ffbcab5d4b281ae7a41738ac637bdf365d7c199','a5fb70676ebe494ed60e4104ac6acde0cdd2263808bb96e7208266925bfc6f06',10);
INSERT INTO "audit" VALUES(20,'worker','{"at":"2026-11-29T22:49:42.373034Z","actor":"process:worker","action":"propose","what":"Task/8dab669d-003d-599e-ad66-c099d9f06b6f/_history/1","case_id":"b11c056524df51bf924e29d4f318fcee503fea34","encounter_id":"enc-open","detail":"","rows":{"[\"own_write\", \"Task\", \"8dab669d-003d-599e-ad66-c099d9f06b6f\", \"1\"]":"336032802154528eb3ac01d293e8a199"}}','ec571087523503236563010cbda3f516c175106133ce49492003976cd7b22e40','392ef384467e899cb797119961f6dcf5b32bfebce89e551c4fdc3e142974717b',10);
INSERT INTO "audit" VALUES(21,'worker','{"at":"2026-11-29T22:49:42.395222Z","actor":"process:worker","action":"show","what":"suggestion 902db0dc547f91137ee5786609d507156316fc076b2e64716d77cead6fca62ba","case_id":"b11c056524df51bf924e29d4f318fcee503fea34","encounter_id":"enc-open","detail":"","rows":{"[\"shown\", \"b11c056524df51bf924e29d4f318fcee503fea34\"]":"9727abc03b61b16e0a76770c22032841","[\"run\", \"b11c056524df51bf924e29d4f318fcee503fea34\", 1]":"23c1d47f732f0e3447729652dd11acfb"}}','392ef384467e899cb797119961f6dcf5b32bfebce89e551c4fdc3e142974717b','ba814bae38777b4d97535fed4723d9adf1319114c00cd418c63a88e1663bbb82',11);
INSERT INTO "audit" VALUES(22,'gateway','{"at":"2026-11-29T22:49:42.422847Z","actor":"process:gateway","action":"open","what":"case due 2026-11-29 22:54:42.417694+00:00","case_id":"b0bd43131841c5665f1ee4f23824e6b81194147e","encounter_id":null,"detail":"","rows":{"[\"opened\", \"b0bd43131841c5665f1ee4f23824e6b81194147e\"]":"713e177f322eaeac7cc675daf24d841f"}}','a5fb70676ebe494ed60e4104ac6acde0cdd2263808bb96e7208266925bfc6f06','0f63e2d60ec78104f5666d40b118006dd0b353091f38f140de9e7c8f0b15daeb',11);
INSERT INTO "audit" VALUES(23,'gateway','{"at":"2026-11-29T22:49:42.425812Z","actor":"process:gateway","action":"tell","what":"events","case_id":null,"encounter_id":null,"detail":"","rows":{"[\"delivery\", 16, \"b0bd43131841c5665f1ee4f23824e6b81194147e\"]":"7d456c8208415ec151a9d40fa2c1bcef","[\"delivery\", 17, \"b0bd43131841c5665f1ee4f23824e6b81194147e\"]":"bb639748993cee038e6b6429b52ae8e6"}}','0f63e2d60ec78104f5666d40b118006dd0b353091f38f140de9e7c8f0b15daeb','152f3f40c23176559f0d91066ec5f34cf9fe6dc1b956dcbe8111935cd307120e',12);
INSERT INTO "audit" VALUES(24,'worker','{"at":"2026-11-29T22:49:42.485059Z","actor":"process:worker","action":"propose","what":"Task/19bd6ac4-f666-578e-a814-d6984f9ecac6/_history/1","case_id":"b0bd43131841c5665f1ee4f23824e6b81194147e","encounter_id":"enc-decided","detail":"","rows":{"[\"own_write\", \"Task\", \"19bd6ac4-f666-578e-a814-d6984f9ecac6\", \"1\"]":"acbfa581dc199d469dc5b74355fed966"}}','ba814bae38777b4d97535fed4723d9adf1319114c00cd418c63a88e1663bbb82','a00feb7b965aca6c627743b05497e6fe9add1c3e51d76fc4ff57d4bc78c96179',12);
INSERT INTO "audit" VALUES(25,'worker','{"at":"2026-11-29T22:49:42.505409Z","actor":"process:worker","action":"show","what":"suggestion e8f01ef15caa9c5091da7e1a9987f6df638c9820f477ed91a992e0a3b9fa832a","case_id":"b0bd43131841c5665f1ee4f23824e6b81194147e","encounter_id":"enc-decided","detail":"","rows":{"[\"shown\", \"b0bd43131841c5665f1ee4f23824e6b81194147e\"]":"01241a19f7bef015f6aeee8bbefbc235","[\"run\", \"b0bd43131841c5665f1ee4f23824e6b81194147e\", 1]":"eb9f8115897796f91d22f99f9c3c6a55"}}','a00feb7b965aca6c627743b05497e6fe9add1c3e51d76fc4ff57d4bc78c96179','80373153c393e4897b2d45b768bfde71515d984f4f005ac00d38ca7f527cff71',13);
INSERT INTO "audit" VALUES(26,'gateway','{"at":"2026-11-29T22:49:42.538762Z","actor":"process:gateway","action":"open","what":"case due 2026-11-29 22:54:42.535719+00:00","case_id":"a0ef2eea73494da59cf34dab5914739f6c031a08","encounter_id":null,"detail":"","rows":{"[\"opened\", \"a0ef2eea73494da59cf34dab5914739f6c031a08\"]":"33959b34adf479746137d5c33125afc1"}}','152f3f40c23176559f0d91066ec5f34cf9fe6dc1b956dcbe8111935cd307120e','8f17a7c9e24a8e9d73581f980330c416e0ab5bd2404331ef773cc83fe6fce708',13);
INSERT INTO "audit" VALUES(27,'gateway','{"at":"2026-11-29T22:49:42.541796Z","actor":"process:gateway","action":"tell","what":"events","case_id":null,"encounter_id":null,"detail":"","rows":{"[\"delivery\", 19, \"a0ef2eea73494da59cf34dab5914739f6c031a08\"]":"c9c0c8cd42993bf7f5896ac97201f7f0","[\"delivery\", 20, \"a0ef2eea73494da59cf34dab5914739f6c031a08\"]":"8f4cd4ad320855bd526505bc7a51c9d7"}}','8f17a7c9e24a8e9d73581f980330c416e0ab5bd2404331ef773cc83fe6fce708','e0c3b57660af181b773633022f25589cf8d584889b34410487d024382d50c200',14);
INSERT INTO "audit" VALUES(28,'worker','{"at":"2026-11-29T22:49:42.584921Z","actor":"process:worker","action":"propose","what":"Task/a95ddcdc-007e-549a-8a81-1fe34fdfc0de/_history/1","case_id":"a0ef2eea73494da59cf34dab5914739f6c031a08","encounter_id":"enc-undone","detail":"","rows":{"[\"own_write\", \"Task\", \"a95ddcdc-007e-549a-8a81-1fe34fdfc0de\", \"1\"]":"37bc9ba91fea46895789f236dc457650"}}','80373153c393e4897b2d45b768bfde71515d984f4f005ac00d38ca7f527cff71','18493568a3983a290901f1da15166b2c8652d6071dbccb4330cf8ac41de44f76',14);
INSERT INTO "audit" VALUES(29,'worker','{"at":"2026-11-29T22:49:42.605179Z","actor":"process:worker","action":"show","what":"suggestion d28d4280413d52e94d0e83059325ffbea9b3892374bdebebb35f7c6e15b838ea","case_id":"a0ef2eea73494da59cf34dab5914739f6c031a08","encounter_id":"enc-undone","detail":"","rows":{"[\"shown\", \"a0ef2eea73494da59cf34dab5914739f6c031a08\"]":"727eb7e2f5f140a52bf081df892e3305","[\"run\", \"a0ef2eea73494da59cf34dab5914739f6c031a08\", 1]":"175c738772c02b4c9903c9448ea7acbe"}}','18493568a3983a290901f1da15166b2c8652d6071dbccb4330cf8ac41de44f76','e63776f2c6394f6d5d76069351742f60d31d6d1c5d55dae8a32a0920d5e39b81',15);
INSERT INTO "audit" VALUES(30,'worker','{"at":"2026-11-29T22:49:42.633324Z","actor":"process:worker","action":"model_call","what":"reasoning","case_id":"0b44d51a62577cb8becabf9675826284b2a913c2","encounter_id":null,"detail":"","rows":{"[\"call\", \"0b44d51a62577cb8becabf9675826284b2a913c2\", 1, \"ec6bbb3433854d7ff906bb91221ab6d0b81c145234493197894288c0dc862152\"]":"293df82001756e257634d680c5695d15"}}','e63776f2c6394f6d5d76069351742f60d31d6d1c5d55dae8a32a0920d5e39b81','da474ce23f63cd109dd105b9428044ff7a2e2d0059837ff5c59a0e526160db07',16);
INSERT INTO "audit" VALUES(31,'worker','{"at":"2026-11-29T22:49:42.692623Z","actor":"person:n-okafor","action":"decide","what":"suggestion 74e623eb92e778627d60117fc24472fff412420dd64242fb76521f17e622163b","case_id":"0b44d51a62577cb8becabf9675826284b2a913c2","encounter_id":"enc-written","detail":"approve 2 as triage_nurse, evidence checked","rows":{"[\"decision\", \"d-written\"]":"36198e6e75134f1aeecaf00baed4c9a5"}}','da474ce23f63cd109dd105b9428044ff7a2e2d0059837ff5c59a0e526160db07','9dfc18dc9a725447cb634cbafdf6025b3ca7e30cdf17234aa6c5ba01fcd61ac3',17);
INSERT INTO "audit" VALUES(32,'worker','{"at":"2026-11-29T22:49:42.725156Z","actor":"person:n-okafor","action":"decide","what":"suggestion e7854f0e8a2f6ed424763f49fee1ef63b29710f3dd38c1a6a64cce3978109e08","case_id":"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed","encounter_id":"enc-changed","detail":"change 3 as triage_nurse, evidence checked","rows":{"[\"decision\", \"d-changed\"]":"0c972b4c8b42b0ff3b35243a90ff5879"}}','9dfc18dc9a725447cb634cbafdf6025b3ca7e30cdf17234aa6c5ba01fcd61ac3','2fca1c2d04bcdec2770028617c44f4c624bc0cb9bd746ae138ee0e78558c744f',18);
INSERT INTO "audit" VALUES(33,'worker','{"at":"2026-11-29T22:49:42.758163Z","actor":"person:n-okafor","action":"decide","what":"suggestion 71c4af4732aa954fdd580ed37d046e18f9c8f4d5fa24b3d47c62cd26caf3c522","case_id":"c83487ab0295885574ee2ca346256cd739660182","encounter_id":"enc-rejected","detail":"reject  as triage_nurse, evidence checked","rows":{"[\"decision\", \"d-rejected\"]":"fc547aab1f41c1a20cd5b3f34485a385"}}','2fca1c2d04bcdec2770028617c44f4c624bc0cb9bd746ae138ee0e78558c744f','a0a889cd8a44051506197ba6aec71e0ae3609ce33e314cb824cc00fc381a2fa1',19);
INSERT INTO "audit" VALUES(34,'worker','{"at":"2026-11-29T22:49:42.785129Z","actor":"process:worker","action":"begin_write","what":"decision d-written","case_id":"0b44d51a62577cb8becabf9675826284b2a913c2","encounter_id":null,"detail":"evidence checked","rows":{"[\"write_back\", \"0b44d51a62577cb8becabf9675826284b2a913c2\"]":"f4a60000e06a1ea9cd0544966f0c7553"}}','a0a889cd8a44051506197ba6aec71e0ae3609ce33e314cb824cc00fc381a2fa1','eb63ef954509b6f607dfa5b9ebdf09a97248153c105ac99bb426f56fa24b45b0',20);
INSERT INTO "audit" VALUES(35,'worker','{"at":"2026-11-29T22:49:42.825219Z","actor":"process:worker","action":"write","what":"Task/cea49764-5600-59c6-ac4d-a83514138a68/_history/2","case_id":"0b44d51a62577cb8becabf9675826284b2a913c2","encounter_id":"enc-written","detail":"","rows":{"[\"own_write\", \"Task\", \"cea49764-5600-59c6-ac4d-a83514138a68\", \"2\"]":"7c205db25e380c7e269dda6e310cf0d1"}}','eb63ef954509b6f607dfa5b9ebdf09a97248153c105ac99bb426f56fa24b45b0','ffa3cdafebd290d422e7ceea6f8c0a0dd1ba03a9cb078867da79023c39407bfb',21);
INSERT INTO "audit" VALUES(36,'worker','{"at":"2026-11-29T22:49:42.833062Z","actor":"process:worker","action":"write","what":"Observation/7311a8e8-d27e-546c-ae4c-b56a105577ea/_history/1","case_id":"0b44d51a62577cb8becabf9675826284b2a913c2","encounter_id":"enc-written","detail":"","rows":{"[\"own_write\", \"Observation\", \"7311a8e8-d27e-546c-ae4c-b56a105577ea\", \"1\"]":"7309f92fc30c309f58cb1f5bb3476c54"}}','ffa3cdafebd290d422e7ceea6f8c0a0dd1ba03a9cb078867da79023c39407bfb','c70e6aacd7bb374b729438e5d0a02baf709d2a5d2e206cd56646ff97df7a60ae',22);
INSERT INTO "audit" VALUES(37,'worker','{"at":"2026-11-29T22:49:42.840943Z","actor":"process:worker","action":"write","what":"Provenance/1403e1c5-b96d-5b86-852b-4ce70d7ed1ef/_history/1","case_id":"0b44d51a62577cb8becabf9675826284b2a913c2","encounter_id":"enc-written","detail":"","rows":{"[\"own_write\", \"Provenance\", \"1403e1c5-b96d-5b86-852b-4ce70d7ed1ef\", \"1\"]":"6cb83aa5539d55f7d8539df6eadde972"}}','c70e6aacd7bb374b729438e5d0a02baf709d2a5d2e206cd56646ff97df7a60ae','6db4be59c9f984b2db71c7de213bfc9b7583ccd24dd43badc2958b55151ef6e6',23);
INSERT INTO "audit" VALUES(38,'worker','{"at":"2026-11-29T22:49:42.849343Z","actor":"process:worker","action":"end","what":"written","case_id":"0b44d51a62577cb8becabf9675826284b2a913c2","encounter_id":null,"detail":"","rows":{"[\"ended\", \"0b44d51a62577cb8becabf9675826284b2a913c2\"]":"fa9b9c5875efc657e88864bf7168e2c4"}}','6db4be59c9f984b2db71c7de213bfc9b7583ccd24dd43badc2958b55151ef6e6','ee90fca0ce3000453161aa51fef08e39670727ec6255a1a7639b24e9af200357',24);
INSERT INTO "audit" VALUES(39,'worker','{"at":"2026-11-29T22:49:42.878321Z","actor":"process:worker","action":"record","what":"trajectory fe2425e0d2dd584b","case_id":"0b44d51a62577cb8becabf9675826284b2a913c2","encounter_id":null,"detail":"trainable","rows":{"[\"trajectory\", \"0b44d51a62577cb8becabf9675826284b2a913c2\"]":"48ef02661131d3f618fa6ff19e8d1443"}}','ee90fca0ce3000453161aa51fef08e39670727ec6255a1a7639b24e9af200357','3ad92d4508d3c05e849b4e839e364ebaa34c28d4b3cae4d3af85df6965677ce7',25);
INSERT INTO "audit" VALUES(40,'worker','{"at":"2026-11-29T22:49:42.895001Z","actor":"process:worker","action":"begin_write","what":"decision d-changed","case_id":"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed","encounter_id":null,"detail":"evidence checked","rows":{"[\"write_back\", \"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed\"]":"b087580ddadbd137eab78b7f583604d0"}}','3ad92d4508d3c05e849b4e839e364ebaa34c28d4b3cae4d3af85df6965677ce7','fa8d4458cbb2a130ad37d576c1bd56d934b48239d1ef462f55878d71286e7c03',26);
INSERT INTO "audit" VALUES(41,'worker','{"at":"2026-11-29T22:49:42.937659Z","actor":"process:worker","action":"write","what":"Task/b70799eb-d18d-5a49-81db-85f532b2322b/_history/2","case_id":"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed","encounter_id":"enc-changed","detail":"","rows":{"[\"own_write\", \"Task\", \"b70799eb-d18d-5a49-81db-85f532b2322b\", \"2\"]":"1426aa763d2e64fba0a325bc453904e4"}}','fa8d4458cbb2a130ad37d576c1bd56d934b48239d1ef462f55878d71286e7c03','a523d24f8cc691afcb7801f018667f8ae26cef767928ff93382eb2420da4e7f2',27);
INSERT INTO "audit" VALUES(42,'worker','{"at":"2026-11-29T22:49:42.941147Z","actor":"process:worker","action":"write","what":"Observation/35e5dfff-ff6b-5181-9ee2-6568a3ccc1b5/_history/1","case_id":"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed","encounter_id":"enc-changed","detail":"","rows":{"[\"own_write\", \"Observation\", \"35e5dfff-ff6b-5181-9ee2-6568a3ccc1b5\", \"1\"]":"3a704480f265fe1c91fd8f45fbe7a585"}}','a523d24f8cc691afcb7801f018667f8ae26cef767928ff93382eb2420da4e7f2','dad195017bcf1cd2987da1b16c04bfbcbb92d019cdba6545235f35ecf5101b5c',28);
INSERT INTO "audit" VALUES(43,'worker','{"at":"2026-11-29T22:49:42.948846Z","actor":"process:worker","action":"write","what":"Provenance/d3bafaf5-d40d-5080-a62c-742480fe1163/_history/1","case_id":"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed","encounter_id":"enc-changed","detail":"","rows":{"[\"own_write\", \"Provenance\", \"d3bafaf5-d40d-5080-a62c-742480fe1163\", \"1\"]":"74a359c552f5b38a6bff55a5e6f1b76e"}}','dad195017bcf1cd2987da1b16c04bfbcbb92d019cdba6545235f35ecf5101b5c','d29924b3ddfbd9d29e7424e45bc0fbb6edd8ec20a7a6aadae07be4a2dd58c87d',29);
INSERT INTO "audit" VALUES(44,'worker','{"at":"2026-11-29T22:49:42.951278Z","actor":"process:worker","action":"end","what":"written","case_id":"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed","encounter_id":null,"detail":"","rows":{"[\"ended\", \"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed\"]":"08f9ef9ea7a8c6e46f909c1ff7bcee6c"}}','d29924b3ddfbd9d29e7424e45bc0fbb6edd8ec20a7a6aadae07be4a2dd58c87d','11c162ec55222d0a9343b17456df2a16923ef3d48344276bf463e6b355d973e8',30);
INSERT INTO "audit" VALUES(45,'worker','{"at":"2026-11-29T22:49:42.992238Z","actor":"process:worker","action":"record","what":"trajectory 331262934a894511","case_id":"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed","encounter_id":null,"detail":"","rows":{"[\"trajectory\", \"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed\"]":"bafcb6e001ce8e5dc380755866c158d5"}}','11c162ec55222d0a9343b17456df2a16923ef3d48344276bf463e6b355d973e8','cd40c6840edeabfd705f26a9f8937a745eac112639eaaffb095c45db651d6bb8',31);
INSERT INTO "audit" VALUES(46,'worker','{"at":"2026-11-29T22:49:43.015898Z","actor":"process:worker","action":"begin_write","what":"decision d-rejected","case_id":"c83487ab0295885574ee2ca346256cd739660182","encounter_id":null,"detail":"evidence checked","rows":{"[\"write_back\", \"c83487ab0295885574ee2ca346256cd739660182\"]":"c5b244c5eda8ea31cbd096bc3d3e3eeb"}}','cd40c6840edeabfd705f26a9f8937a745eac112639eaaffb095c45db651d6bb8','c111ce543db63b52a362a995b2840970211a5a18c8abd89a9192202294411276',32);
INSERT INTO "audit" VALUES(47,'worker','{"at":"2026-11-29T22:49:43.045087Z","actor":"process:worker","action":"write","what":"Task/e02e5e21-8637-51c5-a571-99a4bb68ba71/_history/2","case_id":"c83487ab0295885574ee2ca346256cd739660182","encounter_id":"enc-rejected","detail":"","rows":{"[\"own_write\", \"Task\", \"e02e5e21-8637-51c5-a571-99a4bb68ba71\", \"2\"]":"9196ebf352bae3a64ef51314a217d317"}}','c111ce543db63b52a362a995b2840970211a5a18c8abd89a9192202294411276','57adc0a612275b2cfa1f026a91e367535064cd6a208c85be835153bd6364696a',33);
INSERT INTO "audit" VALUES(48,'worker','{"at":"2026-11-29T22:49:43.047585Z","actor":"process:worker","action":"end","what":"rejected","case_id":"c83487ab0295885574ee2ca346256cd739660182","encounter_id":null,"detail":"","rows":{"[\"ended\", \"c83487ab0295885574ee2ca346256cd739660182\"]":"05b266ba59ca866515ac6916bcfe3a69"}}','57adc0a612275b2cfa1f026a91e367535064cd6a208c85be835153bd6364696a','ec53a5f5029f9cfc68f34017ee50238cdbcc903d1e7df8088dc74be695c4f9c7',34);
INSERT INTO "audit" VALUES(49,'worker','{"at":"2026-11-29T22:49:43.074861Z","actor":"process:worker","action":"record","what":"trajectory 1a96efb5254c2752","case_id":"c83487ab0295885574ee2ca346256cd739660182","encounter_id":null,"detail":"","rows":{"[\"trajectory\", \"c83487ab0295885574ee2ca346256cd739660182\"]":"021829799314cfea7fe495591c9995ca"}}','ec53a5f5029f9cfc68f34017ee50238cdbcc903d1e7df8088dc74be695c4f9c7','5828102f78a0ca39d83f5f90643fb537a8104e7f16be1bc9cfa0adab33c4305e',35);
INSERT INTO "audit" VALUES(50,'worker','{"at":"2026-11-29T22:49:43.086566Z","actor":"process:worker","action":"escalate","what":"deadline passed","case_id":"37070b4a93ac0a0e124a76de7606cee9d3dd8fd1","encounter_id":null,"detail":"step 1","rows":{"[\"escalated\", \"37070b4a93ac0a0e124a76de7606cee9d3dd8fd1\"]":"498e8c03bc04cd4d7525a118eb896d2b"}}','5828102f78a0ca39d83f5f90643fb537a8104e7f16be1bc9cfa0adab33c4305e','0491f9507ff1ed6d064c0e593cbc0fe139090aba46ef2a93755a19f435a04bd8',36);
INSERT INTO "audit" VALUES(51,'worker','{"at":"2026-11-29T22:49:43.099194Z","actor":"process:worker","action":"close","what":"nobody decided","case_id":"37070b4a93ac0a0e124a76de7606cee9d3dd8fd1","encounter_id":null,"detail":"","rows":{"[\"ended\", \"37070b4a93ac0a0e124a76de7606cee9d3dd8fd1\"]":"a35f3c9b818255c7ab410819c81c5200"}}','0491f9507ff1ed6d064c0e593cbc0fe139090aba46ef2a93755a19f435a04bd8','af16bb0bd5b016d75fe7fc2d1b7247e22b9c73a473e2e9a9100b9e3fa5147d58',37);
INSERT INTO "audit" VALUES(52,'worker','{"at":"2026-11-29T22:49:43.125171Z","actor":"process:worker","action":"write","what":"Task/48496dd7-3096-5bcb-99bb-3919d2856a9a/_history/2","case_id":"37070b4a93ac0a0e124a76de7606cee9d3dd8fd1","encounter_id":"enc-closed","detail":"","rows":{"[\"own_write\", \"Task\", \"48496dd7-3096-5bcb-99bb-3919d2856a9a\", \"2\"]":"aaa57a3c796f2220c224dba85f7c8381"}}','af16bb0bd5b016d75fe7fc2d1b7247e22b9c73a473e2e9a9100b9e3fa5147d58','47e10d4ffe6fdabccda288d4b36ef6ab12f8105f3ba7376ebfa8f1c5b47e3414',38);
INSERT INTO "audit" VALUES(53,'worker','{"at":"2026-11-29T22:49:43.152093Z","actor":"process:worker","action":"record","what":"trajectory cac8ce1c12ee7b67","case_id":"37070b4a93ac0a0e124a76de7606cee9d3dd8fd1","encounter_id":null,"detail":"","rows":{"[\"trajectory\", \"37070b4a93ac0a0e124a76de7606cee9d3dd8fd1\"]":"57c94e1ca812a62055eeab280dbe2b34"}}','47e10d4ffe6fdabccda288d4b36ef6ab12f8105f3ba7376ebfa8f1c5b47e3414','95e5774e1f3d9f69550a9d5cac20c3beb248b375784aaec63eb8618c8df5d5ca',39);
INSERT INTO "audit" VALUES(54,'worker','{"at":"2026-11-29T22:49:43.163785Z","actor":"process:worker","action":"cover","what":"events up to 30","case_id":"b11c056524df51bf924e29d4f318fcee503fea34","encounter_id":null,"detail":"","rows":{"[\"shown\", \"b11c056524df51bf924e29d4f318fcee503fea34\"]":"bc4dd40e4571782050a1c142b8e315ee"}}','95e5774e1f3d9f69550a9d5cac20c3beb248b375784aaec63eb8618c8df5d5ca','c05366aa6242f64874ce809402c1381816a89f6fef07c9bff5ee67e53f9dae1d',40);
INSERT INTO "audit" VALUES(55,'worker','{"at":"2026-11-29T22:49:43.197151Z","actor":"person:n-okafor","action":"decide","what":"suggestion e8f01ef15caa9c5091da7e1a9987f6df638c9820f477ed91a992e0a3b9fa832a","case_id":"b0bd43131841c5665f1ee4f23824e6b81194147e","encounter_id":"enc-decided","detail":"approve 2 as triage_nurse, evidence checked","rows":{"[\"decision\", \"d-decided\"]":"e57c66f55e32bfdd85cb8b4bdf2c07ac"}}','c05366aa6242f64874ce809402c1381816a89f6fef07c9bff5ee67e53f9dae1d','d8eed5c2a640463cbbc2839d8596e1c216ccbe105e3d0f0ac321f935414a84c6',41);
INSERT INTO "audit" VALUES(56,'worker','{"at":"2026-11-29T22:49:43.204697Z","actor":"process:worker","action":"begin_write","what":"decision","case_id":"b0bd43131841c5665f1ee4f23824e6b81194147e","encounter_id":null,"detail":"","rows":{"[\"write_back\", \"b0bd43131841c5665f1ee4f23824e6b81194147e\"]":"42655985bc2db04d7d758fe4651d3798"}}','d8eed5c2a640463cbbc2839d8596e1c216ccbe105e3d0f0ac321f935414a84c6','6424c67f584b0362896dbac10c832f5cd05f3fb1e4e3b395164385de7828b38f',42);
INSERT INTO "audit" VALUES(57,'worker','{"at":"2026-11-29T22:49:43.228844Z","actor":"person:n-okafor","action":"decide","what":"suggestion d28d4280413d52e94d0e83059325ffbea9b3892374bdebebb35f7c6e15b838ea","case_id":"a0ef2eea73494da59cf34dab5914739f6c031a08","encounter_id":"enc-undone","detail":"approve 2 as triage_nurse, evidence checked","rows":{"[\"decision\", \"d-undone\"]":"87df560b70911e0e0e0b003e5f8b4855"}}','6424c67f584b0362896dbac10c832f5cd05f3fb1e4e3b395164385de7828b38f','349fe9a8edc735224dfa1757844ba0cf981556a36017fa327556f3a3569bff04',43);
INSERT INTO "audit" VALUES(58,'worker','{"at":"2026-11-29T22:49:43.250378Z","actor":"person:n-okafor","action":"undo","what":"decision d-undone","case_id":"a0ef2eea73494da59cf34dab5914739f6c031a08","encounter_id":"enc-undone","detail":"as triage_nurse","rows":{"[\"decision\", \"d-undone\"]":"","[\"undone\", \"d-undone\"]":"0d23391c2b3ec6fc7e36e3c9fda7d305"}}','349fe9a8edc735224dfa1757844ba0cf981556a36017fa327556f3a3569bff04','96f149ba56671310997b2e217f74e53d310d9e25065d6d12ed782a2124d35436',44);
INSERT INTO "audit" VALUES(59,'worker','{"at":"2026-11-29T22:49:43.281196Z","actor":"process:worker","action":"read","what":"Encounter","case_id":null,"encounter_id":null,"detail":"","rows":{"[\"outcome\", \"0b44d51a62577cb8becabf9675826284b2a913c2\", \"admitted\"]":"b6e76f9d7c7d06ee012bb7c258341bff"}}','96f149ba56671310997b2e217f74e53d310d9e25065d6d12ed782a2124d35436','7c8bf14ab8fb642a5ab0b6ce94ce19da6268700e465a30d97bf7834fe5818d6e',45);
INSERT INTO "audit" VALUES(60,'worker','{"at":"2026-11-29T22:49:43.289945Z","actor":"process:worker","action":"register","what":"model base","case_id":null,"encounter_id":null,"detail":"untuned; weights base","rows":{"[\"model\", \"base\"]":"2ba14bdac4a86740dcd16cdfa65d16f3"}}','7c8bf14ab8fb642a5ab0b6ce94ce19da6268700e465a30d97bf7834fe5818d6e','713a17a725ee24604640f6827d4f606885c26fcbb6ac14247e25aac46e945bba',46);
INSERT INTO "audit" VALUES(61,'worker','{"at":"2026-11-29T22:49:43.293566Z","actor":"process:worker","action":"register","what":"model one","case_id":null,"encounter_id":null,"detail":"better; weights one","rows":{"[\"model\", \"one\"]":"3fb14bee448027c807560e578f919f34"}}','713a17a725ee24604640f6827d4f606885c26fcbb6ac14247e25aac46e945bba','91f28ffb017a0f5033f5ed3633ad81cd184eda984506372267b8aff56968b93a',47);
INSERT INTO "audit" VALUES(62,'worker','{"at":"2026-11-29T22:49:43.301271Z","actor":"process:worker","action":"register","what":"model two","case_id":null,"encounter_id":null,"detail":"better; weights two","rows":{"[\"model\", \"two\"]":"d1b45675d8460729f67cfdbd21a59e23"}}','91f28ffb017a0f5033f5ed3633ad81cd184eda984506372267b8aff56968b93a','de305cf164aae1899a4fe25da3627c3a85c80c4107ce333050d515e47b761f40',48);
INSERT INTO "audit" VALUES(63,'worker','{"at":"2026-11-29T22:49:43.323834Z","actor":"person:d-silva","action":"deploy","what":"champion is one","case_id":null,"encounter_id":null,"detail":"it is better","rows":{"[\"deployment\", 1]":"59b36bfb4eb48f4cbf66e9b400ca92c4"}}','de305cf164aae1899a4fe25da3627c3a85c80c4107ce333050d515e47b761f40','1914998b20b5555ce90766dad70f7d03cab74fefa4bbcffac24b0569ac97ea49',49);
INSERT INTO "audit" VALUES(64,'worker','{"at":"2026-11-29T22:49:43.337624Z","actor":"person:d-silva","action":"deploy","what":"champion is two","case_id":null,"encounter_id":null,"detail":"it is better","rows":{"[\"deployment\", 1]":"566a8fa5d39ad2fca4a983dce34949a8","[\"deployment\", 2]":"fb57f7b9c7a451547063f664d769810f"}}','1914998b20b5555ce90766dad70f7d03cab74fefa4bbcffac24b0569ac97ea49','53725d0352b9844fdbb9494258ea5711796ff78bcf131b16d1f90dff9297ef42',50);
INSERT INTO "audit" VALUES(65,'worker','{"at":"2026-11-29T22:49:43.345144Z","actor":"process:worker","action":"serve","what":"champion is served by one","case_id":null,"encounter_id":null,"detail":"http://127.0.0.1:8000/v1","rows":{"[\"mark\", \"served:champion\"]":"29caa51b2ffdc8ac374264e5a5cad86c"}}','53725d0352b9844fdbb9494258ea5711796ff78bcf131b16d1f90dff9297ef42','83eaa7235941597bec4d6461480d9fb7644d89e501cf717028491220437ada59',51);
INSERT INTO "audit" VALUES(66,'worker','{"at":"2026-11-29T22:49:43.352021Z","actor":"person:n-okafor","action":"stop","what":"model:code","case_id":null,"encounter_id":null,"detail":"","rows":{"[\"mark\", \"stopped:model:code\"]":"a7f816622d4c15bfd6cc68fc71415e78"}}','83eaa7235941597bec4d6461480d9fb7644d89e501cf717028491220437ada59','629bd5a1ed1416b9a17cc5793f34f772d23e6e4948cce56a8610b5cc6dbc5915',52);
INSERT INTO "audit" VALUES(67,'worker','{"at":"2026-11-29T22:49:43.358726Z","actor":"person:n-okafor","action":"stop","what":"model:voice","case_id":null,"encounter_id":null,"detail":"","rows":{"[\"mark\", \"stopped:model:voice\"]":"70185f2db5201f0a59c4b94fc2c055c0"}}','629bd5a1ed1416b9a17cc5793f34f772d23e6e4948cce56a8610b5cc6dbc5915','1ca3dd76c50d67631ae919280bb6be9c39a73a434fcd12f4f6a1045394599b1a',53);
INSERT INTO "audit" VALUES(68,'worker','{"at":"2026-11-29T22:49:43.360660Z","actor":"person:n-okafor","action":"start","what":"model:voice","case_id":null,"encounter_id":null,"detail":"","rows":{"[\"mark\", \"stopped:model:voice\"]":""}}','1ca3dd76c50d67631ae919280bb6be9c39a73a434fcd12f4f6a1045394599b1a','94eb2b8d375bf3fd978c0c8c603c988dd48fdebf8e6d3482b9cc3fa5015dc46f',54);
INSERT INTO "audit" VALUES(69,'gateway','{"at":"2026-11-29T22:49:43.392791Z","actor":"process:gateway","action":"attest","what":"events 1 to 23","case_id":null,"encounter_id":null,"detail":"","rows":{"[\"events\", 1, 23]":"daffff007de2f10cef9ec9ed2073f1b2"}}','e0c3b57660af181b773633022f25589cf8d584889b34410487d024382d50c200','ebc4a91464f0670b19244cbb81b1e96c7abdcede2c4aaf0ec9fe27b6d3512b11',15);
CREATE TABLE calls (
	case_id VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	request_hash VARCHAR NOT NULL, 
	position INTEGER NOT NULL, 
	call_blob VARCHAR NOT NULL, 
	PRIMARY KEY (case_id, version, request_hash)
);
INSERT INTO "calls" VALUES('0b44d51a62577cb8becabf9675826284b2a913c2',1,'ec6bbb3433854d7ff906bb91221ab6d0b81c145234493197894288c0dc862152',0,'3b43ee3df6d705792b7bff6c06496318f0a5f3f83c9232cf0dd5d186fa9aa8c3');
CREATE TABLE cases (
	case_id VARCHAR NOT NULL, 
	pathway VARCHAR NOT NULL, 
	encounter_id VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	accepted_at VARCHAR(32) NOT NULL, 
	due_at VARCHAR(32) NOT NULL, 
	escalated_at VARCHAR(32), 
	suggested_at VARCHAR(32), 
	ended_at VARCHAR(32), 
	generation INTEGER NOT NULL, 
	escalation_step INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	covers_event INTEGER NOT NULL, 
	suggestion_blob VARCHAR, 
	suggestion_hash VARCHAR, 
	snapshot_blob VARCHAR, 
	task_version VARCHAR, 
	PRIMARY KEY (case_id), 
	UNIQUE (pathway, encounter_id, generation)
);
INSERT INTO "cases" VALUES('0b44d51a62577cb8becabf9675826284b2a913c2','ed_triage','enc-written','written','2026-11-29T22:49:41.866563+00:00','2026-11-29T22:54:41.866563+00:00',NULL,'2026-11-29T22:49:42.024530+00:00','2026-11-29T22:49:42.846745+00:00',1,0,1,2,'051771d50de7a1cf13459c5f0fe4a6263892bbf3787fceb143772658c0fbf35e','74e623eb92e778627d60117fc24472fff412420dd64242fb76521f17e622163b','4c684b989629a57e52d56756d07bd70103390d61fcb5ea60f6d0d63a3e83437c','1');
INSERT INTO "cases" VALUES('5cf6ab58dd08a076fc50a0eddbd35ef05a958fed','ed_triage','enc-changed','written','2026-11-29T22:49:42.059550+00:00','2026-11-29T22:54:42.059550+00:00',NULL,'2026-11-29T22:49:42.108590+00:00','2026-11-29T22:49:42.950295+00:00',1,0,1,5,'65845ab5a413070cce500279a1f1eb7a280b53b3cce3b491ee7715d3f8bd49ee','e7854f0e8a2f6ed424763f49fee1ef63b29710f3dd38c1a6a64cce3978109e08','fa97e6323f049ff26170dd6ec655ea2639dfba2d7ac62ed4170d90acdc387710','1');
INSERT INTO "cases" VALUES('c83487ab0295885574ee2ca346256cd739660182','ed_triage','enc-rejected','rejected','2026-11-29T22:49:42.131680+00:00','2026-11-29T22:54:42.131680+00:00',NULL,'2026-11-29T22:49:42.185155+00:00','2026-11-29T22:49:43.046588+00:00',1,0,1,8,'8f63c56af0b6ccfd849240817048e303ca8cb0c018b270701c040537f548e620','71c4af4732aa954fdd580ed37d046e18f9c8f4d5fa24b3d47c62cd26caf3c522','725dd595c7388cb9e3a34afb42f623e5f6cb2d7cb0ddc91dc19392c4db4afc01','1');
INSERT INTO "cases" VALUES('37070b4a93ac0a0e124a76de7606cee9d3dd8fd1','ed_triage','enc-closed','closed_undecided','2026-11-29T22:49:42.215705+00:00','2026-11-29T22:54:42.215705+00:00','2026-11-29T22:49:43.083319+00:00','2026-11-29T22:49:42.279880+00:00','2026-11-29T22:49:43.097950+00:00',1,1,1,11,'3e0d7183f66c4b69e8f870a7cf12ee18e4900e4486583ef989fead9b9c1665cc','1b7a63a9d886ec3ad315192b3c9714707f6650baab02cf608bbe43bd7e612aaa','01bdd60c41b16f5d45cd4976d8878648b289c20ada1a7b94992aa2d4f01788bb','1');
INSERT INTO "cases" VALUES('b11c056524df51bf924e29d4f318fcee503fea34','ed_triage','enc-open','open','2026-11-29T22:49:42.311643+00:00','2026-11-29T22:54:42.311643+00:00',NULL,'2026-11-29T22:49:42.385584+00:00',NULL,1,0,1,30,'d37208bed8462fde1d79e315bf5b074fd1b157f153021101d079323662cd4d2f','902db0dc547f91137ee5786609d507156316fc076b2e64716d77cead6fca62ba','5eff9796d327a953519e41f692dcb51b7d09f1249434febc39667f6e7a336694','1');
INSERT INTO "cases" VALUES('b0bd43131841c5665f1ee4f23824e6b81194147e','ed_triage','enc-decided','decided','2026-11-29T22:49:42.417694+00:00','2026-11-29T22:54:42.417694+00:00',NULL,'2026-11-29T22:49:42.500515+00:00',NULL,1,0,1,17,'84dd4a40d6c6bc1de6232ce1af0bdbd1e4a44d393bd154d108d9782518452277','e8f01ef15caa9c5091da7e1a9987f6df638c9820f477ed91a992e0a3b9fa832a','854878f132a4769eef86ee65decdd461bac022063c1aa4cca2abf2a3bc87af72','1');
INSERT INTO "cases" VALUES('a0ef2eea73494da59cf34dab5914739f6c031a08','ed_triage','enc-undone','open','2026-11-29T22:49:42.535719+00:00','2026-11-29T22:54:42.535719+00:00',NULL,'2026-11-29T22:49:42.600538+00:00',NULL,1,0,1,20,'4e2f04979986223cd4b3f6c218b10bb64044ec1f33f3b61bb24b942640f2811e','d28d4280413d52e94d0e83059325ffbea9b3892374bdebebb35f7c6e15b838ea','4b547bb464f7341718f969d6b3a1363ce84d3dc625fbb27dfff47742dcb8628c','1');
CREATE TABLE counters (
	name VARCHAR NOT NULL, 
	count INTEGER NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "counters" VALUES('events_accepted',24);
INSERT INTO "counters" VALUES('cases_opened',7);
INSERT INTO "counters" VALUES('suggestion:model',7);
INSERT INTO "counters" VALUES('lag:0.5',7);
INSERT INTO "counters" VALUES('lag_sum_ms',639);
INSERT INTO "counters" VALUES('decision:approve',3);
INSERT INTO "counters" VALUES('decision:change',1);
INSERT INTO "counters" VALUES('decision:reject',1);
CREATE TABLE decisions (
	decision_id VARCHAR NOT NULL, 
	case_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	reviewer VARCHAR NOT NULL, 
	document VARCHAR NOT NULL, 
	selected VARCHAR, 
	recorded_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (decision_id), 
	UNIQUE (case_id)
);
INSERT INTO "decisions" VALUES('d-written','0b44d51a62577cb8becabf9675826284b2a913c2','approve','n-okafor','{"schema_version":1,"decision_id":"d-written","case_id":"0b44d51a62577cb8becabf9675826284b2a913c2","version":1,"shown_hash":"74e623eb92e778627d60117fc24472fff412420dd64242fb76521f17e622163b","kind":"approve","selected":"2","reason":"","reviewer":{"reviewer_id":"n-okafor","name":"Nurse Okafor","role":"triage_nurse"},"decided_at":"2026-11-29T22:49:42.645011Z","dwell_ms":null,"corrections":[],"evidence":"checked","signature":"a6505b50b60aef3ef3e76a5052f335e194cee216b9ecad74b41fad1757cfc54c22dd40d3d7ace3c1371fd753e0b11ea4bfbefbc839a58f476e2cbff10508d20f"}','2','2026-11-29T22:49:42.680334+00:00');
INSERT INTO "decisions" VALUES('d-changed','5cf6ab58dd08a076fc50a0eddbd35ef05a958fed','change','n-okafor','{"schema_version":1,"decision_id":"d-changed","case_id":"5cf6ab58dd08a076fc50a0eddbd35ef05a958fed","version":1,"shown_hash":"e7854f0e8a2f6ed424763f49fee1ef63b29710f3dd38c1a6a64cce3978109e08","kind":"change","selected":"3","reason":"walks normally","reviewer":{"reviewer_id":"n-okafor","name":"Nurse Okafor","role":"triage_nurse"},"decided_at":"2026-11-29T22:49:42.703811Z","dwell_ms":null,"corrections":[],"evidence":"checked","signature":"dd42569c0ea7df0b15afed004cc9e035ebcf1b53f7cbbc95bb2c8e511d35d3aa1da65932a75f4642ecf7736ee0189aca30ff1fe688fc86a9b9cad574ed0c1100"}','3','2026-11-29T22:49:42.722422+00:00');
INSERT INTO "decisions" VALUES('d-rejected','c83487ab0295885574ee2ca346256cd739660182','reject','n-okafor','{"schema_version":1,"decision_id":"d-rejected","case_id":"c83487ab0295885574ee2ca346256cd739660182","version":1,"shown_hash":"71c4af4732aa954fdd580ed37d046e18f9c8f4d5fa24b3d47c62cd26caf3c522","kind":"reject","selected":null,"reason":"not for triage","reviewer":{"reviewer_id":"n-okafor","name":"Nurse Okafor","role":"triage_nurse"},"decided_at":"2026-11-29T22:49:42.739850Z","dwell_ms":null,"corrections":[],"evidence":"checked","signature":"5488d99be85327e5873e436664f669aff12692e817a986924fc11d13d6b90278323225ebed70ec3d1c8adc4472e8ba839a8eb8afd1d3309c371be97501c06703"}',NULL,'2026-11-29T22:49:42.751545+00:00');
INSERT INTO "decisions" VALUES('d-decided','b0bd43131841c5665f1ee4f23824e6b81194147e','approve','n-okafor','{"schema_version":1,"decision_id":"d-decided","case_id":"b0bd43131841c5665f1ee4f23824e6b81194147e","version":1,"shown_hash":"e8f01ef15caa9c5091da7e1a9987f6df638c9820f477ed91a992e0a3b9fa832a","kind":"approve","selected":"2","reason":"","reviewer":{"reviewer_id":"n-okafor","name":"Nurse Okafor","role":"triage_nurse"},"decided_at":"2026-11-29T22:49:43.175831Z","dwell_ms":null,"corrections":[],"evidence":"checked","signature":"42e3f6ea012b89fd217676cfcd3443d42d8fe0ac8b3a48af88d769c4006e8177e6b5a2458f2ec441bcaa14f5a3bd4a0bb72397d75beb11b5bcad4ebfb6ea8902"}','2','2026-11-29T22:49:43.194761+00:00');
CREATE TABLE deployments (
	deployment_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	alias VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	"by" VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	since VARCHAR(32) NOT NULL, 
	until VARCHAR(32), 
	replaced VARCHAR
);
INSERT INTO "deployments" VALUES(1,'champion','one','d-silva','it is better','2026-11-29T22:49:43.313829+00:00','2026-11-29T22:49:43.334515+00:00','');
INSERT INTO "deployments" VALUES(2,'champion','two','d-silva','it is better','2026-11-29T22:49:43.334515+00:00',NULL,'one');
CREATE TABLE inbox (
	event_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	feed VARCHAR NOT NULL, 
	resource_type VARCHAR NOT NULL, 
	resource_id VARCHAR NOT NULL, 
	version_id VARCHAR NOT NULL, 
	fate VARCHAR NOT NULL, 
	own BOOLEAN NOT NULL, 
	accepted_at VARCHAR(32) NOT NULL, 
	encounter_id VARCHAR, 
	body_blob VARCHAR, 
	reason VARCHAR, 
	case_id VARCHAR, 
	body BLOB, 
	UNIQUE (feed, resource_type, resource_id, version_id)
);
INSERT INTO "inbox" VALUES(1,'ehr','Encounter','enc-written','1','absorbed',0,'2026-11-29T22:49:41.859313+00:00','enc-written',NULL,NULL,'0b44d51a62577cb8becabf9675826284b2a913c2',X'574631026B31456DA420188421916F3FA8907B61B43C7CFFB53678DEC74FDB0A21DA2F4F');
INSERT INTO "inbox" VALUES(2,'ehr','Observation','enc-written-hr','1','absorbed',0,'2026-11-29T22:49:41.859313+00:00','enc-written',NULL,NULL,'0b44d51a62577cb8becabf9675826284b2a913c2',X'574631026B31234E65DCF8958E93C20567B6CB86F45597E9BCBB3CCF206473C1473A5376');
INSERT INTO "inbox" VALUES(3,'ehr','Observation','written-x','1','ignored',0,'2026-11-29T22:49:41.859313+00:00','enc-written',NULL,'no_trigger',NULL,X'574631026B3160DB2CC69155A17590CFC16EF03258B86E97FB3E4ECAD95FD43BDC72D7ED');
INSERT INTO "inbox" VALUES(4,'ehr','Encounter','enc-changed','1','absorbed',0,'2026-11-29T22:49:42.053709+00:00','enc-changed',NULL,NULL,'5cf6ab58dd08a076fc50a0eddbd35ef05a958fed',X'574631026B311F2736C97607199EE208265EE644A53AAE8FFDCE2DEC33B549036A73D6CF');
INSERT INTO "inbox" VALUES(5,'ehr','Observation','enc-changed-hr','1','absorbed',0,'2026-11-29T22:49:42.053709+00:00','enc-changed',NULL,NULL,'5cf6ab58dd08a076fc50a0eddbd35ef05a958fed',X'574631026B3162C971AA848F37E9BEC1888080675139C8C2EA9036FBCF31D39A8A0C8E2E');
INSERT INTO "inbox" VALUES(6,'ehr','Observation','changed-x','1','ignored',0,'2026-11-29T22:49:42.053709+00:00','enc-changed',NULL,'no_trigger',NULL,X'574631026B31EE204669F9866E491F98DCC013445ED6D9EA678725CFA5BBA06386161FB0');
INSERT INTO "inbox" VALUES(7,'ehr','Encounter','enc-rejected','1','absorbed',0,'2026-11-29T22:49:42.124525+00:00','enc-rejected',NULL,NULL,'c83487ab0295885574ee2ca346256cd739660182',X'574631026B31E1B795F6D84E3A85A959DB425CD8B572E05AB122F89261613042B6198C16');
INSERT INTO "inbox" VALUES(8,'ehr','Observation','enc-rejected-hr','1','absorbed',0,'2026-11-29T22:49:42.124525+00:00','enc-rejected',NULL,NULL,'c83487ab0295885574ee2ca346256cd739660182',X'574631026B318F11B935CF4FA454CB5C5D987C73DDDAC55F4FE028E4C35D9213CD5BAEC9');
INSERT INTO "inbox" VALUES(9,'ehr','Observation','rejected-x','1','ignored',0,'2026-11-29T22:49:42.124525+00:00','enc-rejected',NULL,'no_trigger',NULL,X'574631026B319BA4058918BAFE451F8DE1469AE1DCCDBD6DFBE088EBD2F2F55A39482303');
INSERT INTO "inbox" VALUES(10,'ehr','Encounter','enc-closed','1','absorbed',0,'2026-11-29T22:49:42.204764+00:00','enc-closed',NULL,NULL,'37070b4a93ac0a0e124a76de7606cee9d3dd8fd1',X'574631026B3178B2A17A41496302187BDBA4C5DF772384927003124C3AB4D63DE6B46BF5');
INSERT INTO "inbox" VALUES(11,'ehr','Observation','enc-closed-hr','1','absorbed',0,'2026-11-29T22:49:42.204764+00:00','enc-closed',NULL,NULL,'37070b4a93ac0a0e124a76de7606cee9d3dd8fd1',X'574631026B316B1534573C911AA45C1F11D2C3A438658A125B53A75C3B2B57A8287F8F60');
INSERT INTO "inbox" VALUES(12,'ehr','Observation','closed-x','1','ignored',0,'2026-11-29T22:49:42.204764+00:00','enc-closed',NULL,'no_trigger',NULL,X'574631026B317830A30BC9C8CBAA79C0F9B72BB60A83F30D9CA570AD8A7825E5FDBFA5CF');
INSERT INTO "inbox" VALUES(13,'ehr','Encounter','enc-open','1','absorbed',0,'2026-11-29T22:49:42.304345+00:00','enc-open',NULL,NULL,'b11c056524df51bf924e29d4f318fcee503fea34',X'574631026B31F2C9162414DECADE4C567D8C8EECB2F3ABADC12A67EC5EBDFC2443D3AD62');
INSERT INTO "inbox" VALUES(14,'ehr','Observation','enc-open-hr','1','absorbed',0,'2026-11-29T22:49:42.304345+00:00','enc-open',NULL,NULL,'b11c056524df51bf924e29d4f318fcee503fea34',X'574631026B31CD4ECC568CB2CE400E22A5BEAE2DD3A4DBE2237F47AD7E752624BDF04DFD');
INSERT INTO "inbox" VALUES(15,'ehr','Observation','open-x','1','ignored',0,'2026-11-29T22:49:42.304345+00:00','enc-open',NULL,'no_trigger',NULL,X'574631026B31AA46E201DE416AD9AE5DD6C079E9E9FCF5FEE131341CD25CE7B236BA8E9C');
INSERT INTO "inbox" VALUES(16,'ehr','Encounter','enc-decided','1','absorbed',0,'2026-11-29T22:49:42.407580+00:00','enc-decided',NULL,NULL,'b0bd43131841c5665f1ee4f23824e6b81194147e',X'574631026B31A80C069FBFD3DF5441F5A6278BDC7BA955F6CA15B14B714D4C77FBF95B03');
INSERT INTO "inbox" VALUES(17,'ehr','Observation','enc-decided-hr','1','absorbed',0,'2026-11-29T22:49:42.407580+00:00','enc-decided',NULL,NULL,'b0bd43131841c5665f1ee4f23824e6b81194147e',X'574631026B31C690A40E3A9C3001E9190AD3779C0D91772373FF848A0E5E17990F89D90B');
INSERT INTO "inbox" VALUES(18,'ehr','Observation','decided-x','1','ignored',0,'2026-11-29T22:49:42.407580+00:00','enc-decided',NULL,'no_trigger',NULL,X'574631026B31D5D6E7FB551F5B54B59173E1714EC65A6831FCE4531477D55AE58A21A93E');
INSERT INTO "inbox" VALUES(19,'ehr','Encounter','enc-undone','1','absorbed',0,'2026-11-29T22:49:42.523940+00:00','enc-undone',NULL,NULL,'a0ef2eea73494da59cf34dab5914739f6c031a08',X'574631026B31D0036ADAAC01D33315FD2CEB08DC2653126BE1BF36E6307C226A008B4D88');
INSERT INTO "inbox" VALUES(20,'ehr','Observation','enc-undone-hr','1','absorbed',0,'2026-11-29T22:49:42.523940+00:00','enc-undone',NULL,NULL,'a0ef2eea73494da59cf34dab5914739f6c031a08',X'574631026B31BF981CAE8082F97E0DD40080E173D606D5075BD9461FC45F615A0AE88E81');
INSERT INTO "inbox" VALUES(21,'ehr','Observation','undone-x','1','ignored',0,'2026-11-29T22:49:42.523940+00:00','enc-undone',NULL,'no_trigger',NULL,X'574631026B31360167EA33326514B56F8D0DB8DF2B50CCFD90AA40EA0ED5E5EAF754FDEA');
INSERT INTO "inbox" VALUES(22,'ehr','Observation','old','1','superseded',0,'2026-11-29T22:49:43.260211+00:00','enc-new',NULL,NULL,NULL,NULL);
INSERT INTO "inbox" VALUES(23,'ehr','Observation','broken','1','quarantined',0,'2026-11-29T22:49:43.260211+00:00','enc-new',NULL,'a trigger''s condition can''t be evaluated on it',NULL,NULL);
INSERT INTO "inbox" VALUES(24,'ehr','Observation','waits','1','pending',0,'2026-11-29T22:49:43.260211+00:00','enc-new',NULL,NULL,NULL,NULL);
CREATE TABLE marks (
	name VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "marks" VALUES('schema_version','1');
INSERT INTO "marks" VALUES('values_bound_since','2026-11-29T22:49:39.455216+00:00');
INSERT INTO "marks" VALUES('rows_attested','2026-11-29T22:49:41.827603+00:00');
INSERT INTO "marks" VALUES('served:champion','{"name":"one","url":"http://127.0.0.1:8000/v1"}');
INSERT INTO "marks" VALUES('stopped:model:code','{"by": "n-okafor", "at": "2026-11-29T22:49:43+00:00"}');
INSERT INTO "marks" VALUES('reconciled:ehr','2026-11-29T22:49:43.367373+00:00');
INSERT INTO "marks" VALUES('sign:gateway','2026-11-29T22:49:43.368009+00:00');
INSERT INTO "marks" VALUES('backed_up','2026-11-29T22:49:43.368588+00:00');
INSERT INTO "marks" VALUES('doctor','2026-11-29T22:49:43.369140+00:00');
INSERT INTO "marks" VALUES('outcomes_seen','3');
INSERT INTO "marks" VALUES('events_attested','23');
INSERT INTO "marks" VALUES('audit_exported','69');
CREATE TABLE models (
	name VARCHAR NOT NULL, 
	pathway VARCHAR NOT NULL, 
	document VARCHAR NOT NULL, 
	registered_at VARCHAR(32) NOT NULL, 
	rows_blob VARCHAR, 
	PRIMARY KEY (name)
);
INSERT INTO "models" VALUES('base','ed_triage','{"name":"base","pathway":"ed_triage","kind":"model","parent":null,"base_sha256":"b","adapter_sha256":"base","tokenizer_sha256":"t","template_sha256":"t","data_sha256":"d","rows_blob":"","code_sha256":"c","settings":{},"folder":"tuning/base","file_sha256":{},"evaluation":{},"verdict":"untuned","made_at":"2026-01-05T08:30:00Z"}','2026-11-29T22:49:43.283603+00:00',NULL);
INSERT INTO "models" VALUES('one','ed_triage','{"name":"one","pathway":"ed_triage","kind":"model","parent":"base","base_sha256":"b","adapter_sha256":"one","tokenizer_sha256":"t","template_sha256":"t","data_sha256":"d","rows_blob":"","code_sha256":"c","settings":{},"folder":"tuning/one","file_sha256":{},"evaluation":{},"verdict":"better","made_at":"2026-01-05T08:30:00Z"}','2026-11-29T22:49:43.292501+00:00',NULL);
INSERT INTO "models" VALUES('two','ed_triage','{"name":"two","pathway":"ed_triage","kind":"model","parent":"base","base_sha256":"b","adapter_sha256":"two","tokenizer_sha256":"t","template_sha256":"t","data_sha256":"d","rows_blob":"","code_sha256":"c","settings":{},"folder":"tuning/two","file_sha256":{},"evaluation":{},"verdict":"better","made_at":"2026-01-05T08:30:00Z"}','2026-11-29T22:49:43.300212+00:00',NULL);
CREATE TABLE outcomes (
	case_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	resource VARCHAR NOT NULL, 
	known_at VARCHAR(32) NOT NULL, 
	recorded_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (case_id, kind)
);
INSERT INTO "outcomes" VALUES('0b44d51a62577cb8becabf9675826284b2a913c2','admitted','Encounter/enc-written/_history/2','2026-11-29T22:49:43.273729+00:00','2026-11-29T22:49:43.273737+00:00');
CREATE TABLE own_writes (
	resource_type VARCHAR NOT NULL, 
	resource_id VARCHAR NOT NULL, 
	version_id VARCHAR NOT NULL, 
	case_id VARCHAR NOT NULL, 
	content_hash VARCHAR NOT NULL, 
	PRIMARY KEY (resource_type, resource_id, version_id)
);
INSERT INTO "own_writes" VALUES('Task','cea49764-5600-59c6-ac4d-a83514138a68','1','0b44d51a62577cb8becabf9675826284b2a913c2','06b9fdaa5cca57f2ab4e7e3f3f69409501ffd03ccae0029598c02f693f50fa9b');
INSERT INTO "own_writes" VALUES('Task','b70799eb-d18d-5a49-81db-85f532b2322b','1','5cf6ab58dd08a076fc50a0eddbd35ef05a958fed','f47cf6c422aa8ddb32024d24e26f37d876d7a3b021bc02d7f6047b1b39c32317');
INSERT INTO "own_writes" VALUES('Task','e02e5e21-8637-51c5-a571-99a4bb68ba71','1','c83487ab0295885574ee2ca346256cd739660182','80bc2a8caaaea989e9b54c2ab1d90008c316485ffc394e479eb08cf9ecea1bf3');
INSERT INTO "own_writes" VALUES('Task','48496dd7-3096-5bcb-99bb-3919d2856a9a','1','37070b4a93ac0a0e124a76de7606cee9d3dd8fd1','a1e9b6f2fac767ff835468cb51c870377d2f396400822cb280f2fca05e94a4a4');
INSERT INTO "own_writes" VALUES('Task','8dab669d-003d-599e-ad66-c099d9f06b6f','1','b11c056524df51bf924e29d4f318fcee503fea34','cebdc09e213d68e252f53985e4cf4f5de174f3ae06e4721e0e37808dc2404b43');
INSERT INTO "own_writes" VALUES('Task','19bd6ac4-f666-578e-a814-d6984f9ecac6','1','b0bd43131841c5665f1ee4f23824e6b81194147e','ab9639ea721bcf4a35cb99351ee71b7892b6748a881b14fb2022f0c2d6915948');
INSERT INTO "own_writes" VALUES('Task','a95ddcdc-007e-549a-8a81-1fe34fdfc0de','1','a0ef2eea73494da59cf34dab5914739f6c031a08','6a78ef3eca9c559444b9e2b62624372701a924352752ce93664e982483fa2484');
INSERT INTO "own_writes" VALUES('Task','cea49764-5600-59c6-ac4d-a83514138a68','2','0b44d51a62577cb8becabf9675826284b2a913c2','e8ade5319d63bfaedea3d389aae2cc74cb57f115d9de73eb5943adc41aed25f7');
INSERT INTO "own_writes" VALUES('Observation','7311a8e8-d27e-546c-ae4c-b56a105577ea','1','0b44d51a62577cb8becabf9675826284b2a913c2','b9f7ee924395b6ce2773a4daa893248bd918ab42f6fe7b2c3809ec49ff8f71c0');
INSERT INTO "own_writes" VALUES('Provenance','1403e1c5-b96d-5b86-852b-4ce70d7ed1ef','1','0b44d51a62577cb8becabf9675826284b2a913c2','31e6549a310469d1a6ca5acf1ece1655842caee1fd761b92ddbc639c9172bbc5');
INSERT INTO "own_writes" VALUES('Task','b70799eb-d18d-5a49-81db-85f532b2322b','2','5cf6ab58dd08a076fc50a0eddbd35ef05a958fed','2f2bfda950c8f1de082eb0f40de01a0fd3d42834689264cb88c2bc0c80128009');
INSERT INTO "own_writes" VALUES('Observation','35e5dfff-ff6b-5181-9ee2-6568a3ccc1b5','1','5cf6ab58dd08a076fc50a0eddbd35ef05a958fed','98b06ca0e5e2798d77f91d9733d2f3503b885a74d6b13b0be6f59ad12252b821');
INSERT INTO "own_writes" VALUES('Provenance','d3bafaf5-d40d-5080-a62c-742480fe1163','1','5cf6ab58dd08a076fc50a0eddbd35ef05a958fed','94a4a54d2500ae6f36688907c86a2ac1810899861a15dbe5d627702c6c4163c4');
INSERT INTO "own_writes" VALUES('Task','e02e5e21-8637-51c5-a571-99a4bb68ba71','2','c83487ab0295885574ee2ca346256cd739660182','3a6f608d8e51c0d4830dfba097a81729c9ec4d1e2e480e71ba774225673c6bb8');
INSERT INTO "own_writes" VALUES('Task','48496dd7-3096-5bcb-99bb-3919d2856a9a','2','37070b4a93ac0a0e124a76de7606cee9d3dd8fd1','ff8414d1f4599f38f223571963c953ce68aaf985e7a4dd5f016709e773bf46e2');
CREATE TABLE readings (
	reader VARCHAR NOT NULL, 
	resource_type VARCHAR NOT NULL, 
	resource_id VARCHAR NOT NULL, 
	stamp VARCHAR NOT NULL, 
	PRIMARY KEY (reader, resource_type, resource_id)
);
INSERT INTO "readings" VALUES('feed:ehr','Observation','enc-written-hr','1 2026-01-05T09:00:00Z');
CREATE TABLE runs (
	case_id VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	snapshot_blob VARCHAR NOT NULL, 
	suggestion_blob VARCHAR NOT NULL, 
	shown_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (case_id, version)
);
INSERT INTO "runs" VALUES('0b44d51a62577cb8becabf9675826284b2a913c2',1,'4c684b989629a57e52d56756d07bd70103390d61fcb5ea60f6d0d63a3e83437c','051771d50de7a1cf13459c5f0fe4a6263892bbf3787fceb143772658c0fbf35e','2026-11-29T22:49:42.029900+00:00');
INSERT INTO "runs" VALUES('5cf6ab58dd08a076fc50a0eddbd35ef05a958fed',1,'fa97e6323f049ff26170dd6ec655ea2639dfba2d7ac62ed4170d90acdc387710','65845ab5a413070cce500279a1f1eb7a280b53b3cce3b491ee7715d3f8bd49ee','2026-11-29T22:49:42.109198+00:00');
INSERT INTO "runs" VALUES('c83487ab0295885574ee2ca346256cd739660182',1,'725dd595c7388cb9e3a34afb42f623e5f6cb2d7cb0ddc91dc19392c4db4afc01','8f63c56af0b6ccfd849240817048e303ca8cb0c018b270701c040537f548e620','2026-11-29T22:49:42.185736+00:00');
INSERT INTO "runs" VALUES('37070b4a93ac0a0e124a76de7606cee9d3dd8fd1',1,'01bdd60c41b16f5d45cd4976d8878648b289c20ada1a7b94992aa2d4f01788bb','3e0d7183f66c4b69e8f870a7cf12ee18e4900e4486583ef989fead9b9c1665cc','2026-11-29T22:49:42.280495+00:00');
INSERT INTO "runs" VALUES('b11c056524df51bf924e29d4f318fcee503fea34',1,'5eff9796d327a953519e41f692dcb51b7d09f1249434febc39667f6e7a336694','d37208bed8462fde1d79e315bf5b074fd1b157f153021101d079323662cd4d2f','2026-11-29T22:49:42.390496+00:00');
INSERT INTO "runs" VALUES('b0bd43131841c5665f1ee4f23824e6b81194147e',1,'854878f132a4769eef86ee65decdd461bac022063c1aa4cca2abf2a3bc87af72','84dd4a40d6c6bc1de6232ce1af0bdbd1e4a44d393bd154d108d9782518452277','2026-11-29T22:49:42.501175+00:00');
INSERT INTO "runs" VALUES('a0ef2eea73494da59cf34dab5914739f6c031a08',1,'4b547bb464f7341718f969d6b3a1363ce84d3dc625fbb27dfff47742dcb8628c','4e2f04979986223cd4b3f6c218b10bb64044ec1f33f3b61bb24b942640f2811e','2026-11-29T22:49:42.601149+00:00');
CREATE TABLE told (
	event_id INTEGER NOT NULL, 
	case_id VARCHAR NOT NULL, 
	PRIMARY KEY (event_id, case_id)
);
INSERT INTO "told" VALUES(1,'0b44d51a62577cb8becabf9675826284b2a913c2');
INSERT INTO "told" VALUES(2,'0b44d51a62577cb8becabf9675826284b2a913c2');
INSERT INTO "told" VALUES(4,'5cf6ab58dd08a076fc50a0eddbd35ef05a958fed');
INSERT INTO "told" VALUES(5,'5cf6ab58dd08a076fc50a0eddbd35ef05a958fed');
INSERT INTO "told" VALUES(8,'c83487ab0295885574ee2ca346256cd739660182');
INSERT INTO "told" VALUES(7,'c83487ab0295885574ee2ca346256cd739660182');
INSERT INTO "told" VALUES(10,'37070b4a93ac0a0e124a76de7606cee9d3dd8fd1');
INSERT INTO "told" VALUES(11,'37070b4a93ac0a0e124a76de7606cee9d3dd8fd1');
INSERT INTO "told" VALUES(13,'b11c056524df51bf924e29d4f318fcee503fea34');
INSERT INTO "told" VALUES(14,'b11c056524df51bf924e29d4f318fcee503fea34');
INSERT INTO "told" VALUES(16,'b0bd43131841c5665f1ee4f23824e6b81194147e');
INSERT INTO "told" VALUES(17,'b0bd43131841c5665f1ee4f23824e6b81194147e');
INSERT INTO "told" VALUES(19,'a0ef2eea73494da59cf34dab5914739f6c031a08');
INSERT INTO "told" VALUES(20,'a0ef2eea73494da59cf34dab5914739f6c031a08');
CREATE TABLE trajectories (
	case_id VARCHAR NOT NULL, 
	blob VARCHAR NOT NULL, 
	trainable BOOLEAN NOT NULL, 
	recorded_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (case_id)
);
INSERT INTO "trajectories" VALUES('0b44d51a62577cb8becabf9675826284b2a913c2','fe2425e0d2dd584b354f236718cde397564e64b01f26dba13ac6561fa93c633c',1,'2026-11-29T22:49:42.875700+00:00');
INSERT INTO "trajectories" VALUES('5cf6ab58dd08a076fc50a0eddbd35ef05a958fed','331262934a894511c2e9fe31d087f41f7f0ef0049580c71292e6a88866878521',0,'2026-11-29T22:49:42.991013+00:00');
INSERT INTO "trajectories" VALUES('c83487ab0295885574ee2ca346256cd739660182','1a96efb5254c275241f234cad97c7c5bbe45b95c03f7d39b7563b65be29e089d',0,'2026-11-29T22:49:43.073574+00:00');
INSERT INTO "trajectories" VALUES('37070b4a93ac0a0e124a76de7606cee9d3dd8fd1','cac8ce1c12ee7b6753064be5505aeed4c3c06a1e32df5fbc5f3fcf11d7bfb706',0,'2026-11-29T22:49:43.150954+00:00');
CREATE TABLE undone (
	decision_id VARCHAR NOT NULL, 
	case_id VARCHAR NOT NULL, 
	document VARCHAR NOT NULL, 
	undo VARCHAR NOT NULL, 
	recorded_at VARCHAR(32) NOT NULL, 
	undone_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (decision_id)
);
INSERT INTO "undone" VALUES('d-undone','a0ef2eea73494da59cf34dab5914739f6c031a08','{"schema_version":1,"decision_id":"d-undone","case_id":"a0ef2eea73494da59cf34dab5914739f6c031a08","version":1,"shown_hash":"d28d4280413d52e94d0e83059325ffbea9b3892374bdebebb35f7c6e15b838ea","kind":"approve","selected":"2","reason":"","reviewer":{"reviewer_id":"n-okafor","name":"Nurse Okafor","role":"triage_nurse"},"decided_at":"2026-11-29T22:49:43.211563Z","dwell_ms":null,"corrections":[],"evidence":"checked","signature":"e7fc613a1dddbe2193a61dd661e18270995a440d245804faa8b8e8bce98fd8cdc73d67e7fa2a379b23bf21bf0fb9fee69ded9820849aa378c87bffd285e77f08"}','{"schema_version":1,"decision_id":"d-undone","case_id":"a0ef2eea73494da59cf34dab5914739f6c031a08","reviewer":{"reviewer_id":"n-okafor","name":"Nurse Okafor","role":"triage_nurse"},"undone_at":"2026-11-29T22:49:43.238295Z","signature":"6046c7a60516e8bc237a43d2bf5fb92f13cc8be10f8af0bbf5e16f4fde4a79e6ab1d7f3c9f5645ced00861d47835a3fff5a5c9535566471a53bff741c4b0d300"}','2026-11-29T22:49:43.226419+00:00','2026-11-29T22:49:43.241505+00:00');
CREATE TABLE write_backs (
	case_id VARCHAR NOT NULL, 
	decision_id VARCHAR NOT NULL, 
	evidence VARCHAR NOT NULL, 
	begun_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (case_id)
);
INSERT INTO "write_backs" VALUES('0b44d51a62577cb8becabf9675826284b2a913c2','d-written','checked','2026-11-29T22:49:42.782627+00:00');
INSERT INTO "write_backs" VALUES('5cf6ab58dd08a076fc50a0eddbd35ef05a958fed','d-changed','checked','2026-11-29T22:49:42.893941+00:00');
INSERT INTO "write_backs" VALUES('c83487ab0295885574ee2ca346256cd739660182','d-rejected','checked','2026-11-29T22:49:43.014621+00:00');
INSERT INTO "write_backs" VALUES('b0bd43131841c5665f1ee4f23824e6b81194147e','d-decided','checked','2026-11-29T22:49:43.203669+00:00');
CREATE INDEX inbox_encounter ON inbox (encounter_id);
CREATE INDEX inbox_pending ON inbox (fate, event_id);
CREATE INDEX told_case ON told (case_id);
CREATE INDEX cases_state ON cases (state, due_at, accepted_at);
CREATE UNIQUE INDEX cases_live ON cases (pathway, encounter_id) WHERE state IN ('open', 'decided');
CREATE INDEX cases_encounter ON cases (encounter_id);
CREATE INDEX undone_case ON undone (case_id);
CREATE INDEX readings_resource ON readings (resource_type, resource_id);
CREATE UNIQUE INDEX deployments_now ON deployments (alias) WHERE until IS NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit',69);
INSERT INTO "sqlite_sequence" VALUES('inbox',24);
INSERT INTO "sqlite_sequence" VALUES('deployments',2);
COMMIT;
